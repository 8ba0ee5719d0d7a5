// Copies between folders and storages, which the service makes: their rows in the tray.

import { apiUrl, eventsUrl } from "../api.js";
import { announce, h } from "../dom.js";
import { LiveEvents } from "../events.js";
import { toast } from "../ui.js";
import { plural } from "./entries.js";
import { dropCopy, listCopies } from "./files_api.js";
import { displayName, lastPart } from "./paths.js";
import { progressText } from "./rate.js";
import { TrayRow } from "./tray.js";

// Milliseconds for which a copy that went wrong while nobody looked is told of.
const TOLD = 24 * 3600 * 1000;

const isOver = (copy) => ["done", "failed", "cancelled"].includes(copy.state);

export class Copies {
  /** `getStorages()`; `onDone(copy)` when one has ended. */
  constructor(tray, { getStorages, onDone }) {
    this.tray = tray;
    this.getStorages = getStorages;
    this.onDone = onDone;
    this.copies = new Map();
    this.rows = new Map();
    this.forgotten = new Set();
  }

  /** Those that go on from before; the stream is opened where there are any. */
  async load() {
    try {
      for (const copy of await listCopies()) this.show(copy);
    } catch {
      // Whoever starts a copy learns what is wrong.
    }
  }

  listen() {
    this.events ??= new LiveEvents({
      makeUrl: () => eventsUrl("", "copies/events"),
      probeUrl: apiUrl("copies?limit=1"),
      banner: h("span"),
      handlers: { copy: (copy) => this.show(copy), gone: ({ id }) => this.remove(id) },
    });
  }

  show(copy) {
    if (this.forgotten.has(copy.id) || (!this.copies.has(copy.id) && isOldNews(copy))) return;
    const before = this.copies.get(copy.id);
    this.copies.set(copy.id, copy);
    if (!isOver(copy)) this.listen();
    else if (before && !isOver(before)) this.ended(copy);
    this.update();
  }

  ended(copy) {
    announce(copy.state === "done" ? "The copy is done." : copy.message || "The copy has ended.");
    this.onDone(copy);
  }

  remove(id) {
    this.copies.delete(id);
    this.rows.delete(id);
    this.update();
  }

  async drop(id) {
    const wasOver = isOver(this.copies.get(id));
    try {
      await dropCopy(id);
    } catch (error) {
      if (error.status !== 404) toast(error.message);
    }
    if (!wasOver) return;
    this.forgotten.add(id);
    this.remove(id);
  }

  update() {
    const copies = [...this.copies.values()];
    const active = copies.filter((copy) => !isOver(copy));
    // A page that waits for nothing needs no stream: a browser opens six connections to a host.
    if (active.length === 0 && this.events) {
      this.events.close();
      this.events = null;
    }
    const text = active.length ? `Copying (${active.length})` : copies.length ? plural(copies.length, "copy", "copies") : "";
    this.tray.update("copies", text, copies.map((copy) => this.rowOf(copy)));
  }

  rowOf(copy) {
    let row = this.rows.get(copy.id);
    if (!row) {
      row = new TrayRow(this.titleOf(copy), "copy", [
        { name: "cancel", icon: "close", label: "Cancel", run: () => this.drop(copy.id) },
        { name: "clear", icon: "check", label: "Clear", run: () => this.drop(copy.id) },
      ]);
      this.rows.set(copy.id, row);
    }
    const state = copy.state === "failed" || copy.state === "cancelled" ? "failed" : copy.state === "done" ? "done" : "running";
    row.update({ state, part: copy.total_bytes ? copy.bytes / copy.total_bytes : null, text: textOf(copy), buttons: [isOver(copy) ? "clear" : "cancel"] });
    return row;
  }

  titleOf(copy) {
    const { paths } = copy.from;
    const what = paths.length === 1 ? displayName(lastPart(paths[0])) : plural(paths.length, "entry", "entries");
    const target = this.getStorages().find((storage) => storage.id === copy.to.storage)?.name || copy.to.storage;
    return `${what} to ${[target, ...copy.to.path.split("/").filter(Boolean).map(displayName)].join(" / ")}`;
  }
}

/** What has ended is kept for days: whoever comes later is told of faults, and for a day. */
function isOldNews(copy) {
  if (!isOver(copy)) return false;
  const isFaulty = copy.state === "failed" || copy.problem_count > 0;
  return !isFaulty || Date.now() - Date.parse(copy.ended) > TOLD;
}

function textOf(copy) {
  if (copy.state === "queued") return copy.message || "Waits for its turn.";
  if (copy.state === "running") {
    if (copy.total_bytes === null) return copy.message || "Looks what there is to copy.";
    return `${copy.files.toLocaleString()} of ${plural(copy.total_files, "file")} · ${progressText(copy.bytes, copy.total_bytes, copy.rate, copy.seconds_left)}`;
  }
  const text = copy.message || (copy.state === "done" ? `${plural(copy.files, "file")} copied.` : "Cancelled.");
  return [text, ...copy.problems.slice(0, 3).map(({ path, message }) => `${displayName(path)}: ${message}`)].join(" ");
}
