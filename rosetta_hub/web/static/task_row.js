// A row of the dashboard. Its elements stay the same while the task changes, so that the focus
// stays where it is.

import { deleteTask, startTask, stopTask } from "./actions.js";
import { showUnlessNewer } from "./answers.js";
import { h, icon, setMessage, setText, tile } from "./dom.js";
import { endText, isKeepable, keepTask } from "./end_of_task.js";
import { ago, bytes, duration, moment, secondsSince } from "./format.js";
import { InterfaceButtons } from "./interfaces.js";
import { expectedText, isNearEnd, requestText, timeLeftText } from "./job.js";
import { isEnded, isReady, isWeb, showState, stateBadge } from "./task_states.js";
import { filesUrl } from "./storage_links.js";
import { button, linkButton, pending } from "./ui.js";

export class TaskRow {
  constructor(owner) {
    this.owner = owner;
    this.tile = h("span", { class: "task-tile" });
    this.name = h("a", { class: "task-name" });
    this.where = h("span", { class: "task-where" });
    this.message = h("p", { class: "task-message" });
    this.noteText = h("span");
    this.condition = h("p", { class: "task-condition", hidden: true }, icon("info"), this.noteText);
    this.left = h("span", { class: "task-left", hidden: true });
    this.bar = h("div", { class: "progress-bar" });
    this.progress = h("div", { class: "progress", role: "progressbar", "aria-label": "Image", "aria-valuemin": 0, "aria-valuemax": 100, hidden: true }, this.bar);
    this.badge = stateBadge();
    this.time = h("span", { class: "task-time" });
    this.makeActions();
    this.element = h("li", { class: "task-row" },
      this.tile,
      h("div", { class: "task-body" },
        h("div", { class: "task-title" }, this.name, this.badge),
        this.where, this.message, this.condition, this.progress),
      h("div", { class: "task-side" }, h("div", { class: "task-times" }, this.time, this.left), this.actions));
  }

  makeActions() {
    this.connect = linkButton("Connect", "open", "primary btn-sm");
    this.stop = button("Stop", "stop", "outline-secondary btn-sm", () => pending(this.stop, () => stopTask(this.task)));
    this.keep = button("Keep it running", "check", "primary btn-sm", () => pending(this.keep, () => this.keepRunning()));
    this.start = button("Start again", "again", "outline-secondary btn-sm", () => pending(this.start, () => startTask(this.task)));
    this.log = linkButton("Log", "log", "quiet btn-sm");
    this.files = linkButton("Files", "folder", "quiet btn-sm");
    this.remove = button("Delete", "trash", "quiet btn-sm", () => pending(this.remove, () => deleteTask(this.task)));
    this.interfaces = new InterfaceButtons("outline-primary btn-sm", (name) => `${name} of ${this.task.name}`);
    this.actions = h("div", { class: "actions" }, this.connect, this.interfaces.element, this.keep, this.stop, this.start, this.files, this.log, this.remove);
  }

  keepRunning() {
    return showUnlessNewer(() => this.task, keepTask, (task) => this.update(task));
  }

  update(task) {
    const first = !this.task;
    this.task = task;
    if (first) this.tile.replaceChildren(tile(task.software));
    const { state } = task;
    this.element.dataset.task = task.id;
    this.element.dataset.state = state;
    setText(this.name, task.name);
    this.name.href = task.page_url;
    setText(this.where, this.whereText());
    setMessage(this.message, task.message || "");
    this.message.hidden = !task.message;
    setMessage(this.noteText, task.condition || "");
    this.condition.hidden = !task.condition || task.condition === task.message;
    showState(this.badge, state);
    this.updateProgress();
    this.updateActions();
    this.tick();
  }

  whereText() {
    const { software, computing, user } = this.task;
    const parts = [[software.name, software.version].filter(Boolean).join(" ")];
    if (computing?.name) parts.push(computing.name);
    const request = requestText(this.task);
    if (request) parts.push(request);
    if (user && this.owner && user !== this.owner) parts.push(`of ${user}`);
    if (this.share) parts.push(this.share);
    return parts.join(" · ");
  }

  /** What is known of the share by which somebody else's task is here. */
  showShare(text) {
    this.share = text;
    setText(this.where, this.whereText());
  }

  updateProgress() {
    const { progress } = this.task;
    this.progress.hidden = !progress || isEnded(this.task);
    if (this.progress.hidden) return;
    const part = progress.total ? Math.min(100, Math.round((100 * progress.done) / progress.total)) : null;
    this.progress.classList.toggle("progress-unknown", part === null);
    this.bar.style.width = part === null ? "" : `${part}%`;
    if (part === null) this.progress.removeAttribute("aria-valuenow");
    else this.progress.setAttribute("aria-valuenow", part);
    this.progress.title = progress.total ? `${bytes(progress.done)} of ${bytes(progress.total)}` : bytes(progress.done);
  }

  updateActions() {
    const { task } = this;
    const focused = this.actions.contains(document.activeElement)
      ? /** @type {HTMLElement} */ (document.activeElement)
      : null;
    const ready = isReady(task);
    const web = isWeb(task);
    this.connect.hidden = !ready || (web && !task.open_url);
    this.connect.href = web && task.open_url ? task.open_url : `${task.page_url}?stay`;
    setText(this.connect.lastElementChild, web ? "Connect" : "How to connect");
    this.interfaces.update(task);
    this.stop.hidden = !task.can.stop || task.state === "stopping";
    setText(this.stop.lastElementChild, ready ? "Stop" : "Cancel");
    this.keep.hidden = isEnded(task) || task.state === "stopping" || !isKeepable(task);
    this.start.hidden = !task.can.start;
    const files = filesUrl(task);
    this.files.hidden = !files;
    if (files) this.files.href = files;
    this.log.hidden = !task.can.log;
    this.log.href = `${task.page_url}?stay#log`;
    this.remove.hidden = !(task.can.delete && isEnded(task));
    this.nameButtons();
    if (focused?.hidden) this.name.focus();
  }

  /** "Stop" alone says little in a list of buttons: a screen reader hears "Stop My CASA". */
  nameButtons() {
    for (const control of this.actions.querySelectorAll(":scope > .btn")) {
      control.setAttribute("aria-label", `${control.lastElementChild.textContent} ${this.task.name}`);
    }
  }

  tick() {
    const { task } = this;
    const end = isEnded(task) || task.state === "stopping" ? "" : endText(task);
    const text = end || expectedText(task) || timeLeftText(task);
    setText(this.left, text);
    this.left.hidden = !text;
    const until = end ? task.lifetime.ends_at : task.job?.ends_at;
    this.left.title = until ? `Until ${moment(until)}` : "";
    this.left.classList.toggle("time-near", Boolean(end) || isNearEnd(task));
    if (isEnded(task)) {
      setText(this.time, `ended ${ago(task.ended)}`);
      this.time.title = moment(task.ended);
    } else {
      const since = task.started || task.created;
      const doing = task.started ? "running" : "waiting";
      setText(this.time, `${doing} ${duration(secondsSince(since) ?? 0)}`);
      this.time.title = `${task.started ? "Started" : "Created"} ${moment(since)}`;
    }
  }
}
