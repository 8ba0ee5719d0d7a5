// All uploads of this page: a few at a time, a row for each that needs a look, and one question for all
// names that are taken.

import { announce } from "../dom.js";
import { plural } from "./entries.js";
import { askConflict } from "./dialogs.js";
import { makeFolder } from "./files_api.js";
import { displayName, encodeName, joinPath, lastPart, parentPath } from "./paths.js";
import { RateMeter, progressText } from "./rate.js";
import { TrayRow } from "./tray.js";
import { UploadJob } from "./upload_job.js";
import { toast } from "../ui.js";

const AT_ONCE = 3;
// Milliseconds.
const SHOWN_EVERY = 100;
// Rows of what failed or waits for an answer; the rest is counted.
const MOST_ROWS = 50;

export class Uploads {
  /** `onDone(storage, folder)` after each file that has arrived. */
  constructor(tray, { onDone }) {
    this.tray = tray;
    this.onDone = onDone;
    this.jobs = [];
    this.rows = new Map();
    this.updateTimer = null;
    // Whether the end of all uploads has been announced.
    this.isTold = false;
    this.meter = new RateMeter();
    this.summary = new TrayRow("All uploads", "upload", [
      { name: "retry", icon: "again", label: "Try again:", run: () => this.retryAll() },
      { name: "cancel", icon: "close", label: "Cancel", run: () => this.cancelAll() },
      { name: "clear", icon: "check", label: "Clear the list of", run: () => this.clear() },
    ]);
    window.addEventListener("beforeunload", (event) => {
      if (this.jobs.some((job) => !job.isOver)) event.preventDefault();
    });
  }

  /** Uploads what `readDropped` or `readChosen` gave into a folder. */
  async add(storage, folder, { files, folders }) {
    const batch = { conflict: null };
    const pathOf = (names) => names.reduce((path, name) => joinPath(path, encodeName(name)), folder);
    try {
      for (const names of folders) await makeMissing(storage, pathOf(names));
    } catch (error) {
      toast(error.message);
      return;
    }
    for (const { file, names } of files) {
      const job = new UploadJob({ file, storage, path: pathOf(names), batch, onChange: () => this.changed(job) });
      this.jobs.push(job);
    }
    if (folders.length) this.onDone(storage, folder);
    this.update();
    this.pump();
  }

  pump() {
    const running = this.jobs.filter((job) => job.state === "running").length;
    const waiting = this.jobs.filter((job) => job.state === "waiting");
    for (const job of waiting.slice(0, Math.max(0, AT_ONCE - running))) job.start();
  }

  changed(job) {
    if (!job.isOver) this.isTold = false;
    if (job.state === "done" && !job.isCounted) {
      job.isCounted = true;
      this.onDone(job.storage, parentPath(job.path));
    }
    if (job.state === "conflict") this.settle(job);
    this.update();
    if (job.state !== "running") this.pump();
    if (this.jobs.length && this.jobs.every((other) => other.isOver)) this.ended();
  }

  /** One question at a time; its answer may be for all of the batch. */
  settle(job) {
    this.asking = (this.asking || Promise.resolve()).then(async () => {
      if (job.state !== "conflict") return;
      const others = this.jobs.filter((other) => other.batch === job.batch && other !== job && !other.isOver).length;
      const answer = job.batch.conflict || (await askConflict({ name: displayName(lastPart(job.path)), others }));
      const { choice, forAll } = typeof answer === "string" ? { choice: answer, forAll: true } : answer;
      if (forAll) job.batch.conflict = choice;
      if (choice === "skip") job.set("skipped");
      else job.resolve(choice);
    });
  }

  ended() {
    if (this.isTold) return;
    this.isTold = true;
    const count = this.jobs.filter((job) => job.state === "done").length;
    const failed = this.jobs.filter((job) => job.state === "failed").length;
    announce(`${plural(count, "file")} uploaded${failed ? `, ${failed} failed` : ""}.`);
  }

  /** Forgets what is over. */
  clear() {
    for (const job of this.jobs) if (job.isOver) this.rows.delete(job);
    this.jobs = this.jobs.filter((job) => !job.isOver);
    this.update();
  }

  /** Shows how all of it stands, a few times a second at most. */
  update() {
    this.updateTimer ??= setTimeout(() => {
      this.updateTimer = null;
      this.show();
    }, SHOWN_EVERY);
  }

  show() {
    const { jobs } = this;
    const active = jobs.filter((job) => !job.isOver);
    const bytesSent = jobs.filter((job) => job.state !== "cancelled").reduce((sum, job) => sum + job.sent, 0);
    this.meter.add(bytesSent);
    const rowJobs = jobs.filter((job) => ["running", "conflict", "failed"].includes(job.state)).slice(0, MOST_ROWS);
    const rows = [...rowJobs.map((job) => this.rowOf(job)), ...(jobs.length ? [this.summaryRow(jobs, active, bytesSent)] : [])];
    this.tray.update("uploads", this.titleText(jobs, active), rows);
  }

  titleText(jobs, active) {
    if (jobs.length === 0) return "";
    const failed = jobs.filter((job) => job.state === "failed").length;
    if (active.length) return `Uploading ${plural(active.length, "file")}`;
    if (failed) return `${plural(failed, "upload")} failed`;
    return `${plural(jobs.filter((job) => job.state === "done").length, "file")} uploaded`;
  }

  /** The row about all of them. */
  summaryRow(jobs, active, bytesSent) {
    const total = jobs.filter((job) => job.state !== "cancelled").reduce((sum, job) => sum + job.size, 0);
    const count = jobs.filter((job) => job.state === "done").length;
    const failed = jobs.some((job) => job.state === "failed");
    const text = active.length
      ? `${count} of ${plural(jobs.length, "file")} · ${progressText(bytesSent, total, this.meter.rate)}`
      : `${count} of ${plural(jobs.length, "file")} uploaded`;
    this.summary.update({
      state: active.length ? "running" : "done",
      part: total ? bytesSent / total : null,
      text,
      buttons: active.length ? ["cancel"] : failed ? ["retry", "clear"] : ["clear"],
    });
    return this.summary;
  }

  rowOf(job) {
    let row = this.rows.get(job);
    if (!row) {
      row = new TrayRow(displayName(lastPart(job.path)), "file", [
        { name: "retry", icon: "again", label: "Try again:", run: () => job.retry() },
        { name: "cancel", icon: "close", label: "Cancel", run: () => job.cancel() },
      ]);
      this.rows.set(job, row);
    }
    const isFailed = job.state === "failed";
    row.update({
      state: isFailed ? "failed" : "running",
      part: job.size ? job.sent / job.size : null,
      text: job.state === "conflict" ? "Waits for your answer." : job.message || progressText(job.sent, job.size, null),
      buttons: isFailed ? ["retry", "cancel"] : ["cancel"],
    });
    return row;
  }

  retryAll() {
    for (const job of this.jobs) if (job.state === "failed") job.set("waiting");
    this.pump();
  }

  cancelAll() {
    for (const job of this.jobs) if (!job.isOver) job.cancel();
  }
}

/** A folder of an upload; that it is there already is what was wanted. */
async function makeMissing(storage, path) {
  try {
    await makeFolder(storage.id, path);
  } catch (error) {
    if (error.status !== 409) throw error;
  }
}
