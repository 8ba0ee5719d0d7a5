// When a task will be stopped by itself: told, put off, and chosen.

import { call, taskUrl } from "./api.js";
import { h, icon, setText } from "./dom.js";
import { clock, duration, secondsSince, timeSpan } from "./format.js";
import { isEnded } from "./task_states.js";
import { STOP_AFTER, isoValue, localValue, nextEvening } from "./stop_time.js";
import { button } from "./ui.js";

/** `stopped in 9 min 30 s`, while its user is asked; otherwise an empty text. */
export function endText({ lifetime }) {
  if (!lifetime?.asks || !lifetime.ends_at) return "";
  const seconds = -secondsSince(lifetime.ends_at);
  return seconds > 0 ? `stopped in ${duration(seconds)}` : "being stopped";
}

/** Whether the user is asked now, and may keep the task. */
export const isKeepable = ({ lifetime }) => Boolean(lifetime?.asks && lifetime.keepable);

/** Puts off the end; the task with its new one. */
export async function keepTask(task) {
  return { ...task, lifetime: await call("POST", taskUrl(task.id, "/keep")) };
}

async function chooseEnd(task, choice) {
  return { ...task, lifetime: await call("PUT", taskUrl(task.id, "/lifetime"), choice) };
}

/** The lines of a task's page. `act(control, action)` runs what a button does. */
export class EndOfTask {
  constructor(root, act) {
    this.root = root;
    this.act = act;
    this.text = h("span");
    this.line = h("p", { class: "time-left", hidden: true }, icon("clock"), this.text);
    this.keep = button("Keep it running", "check", "primary", () => act(this.keep, () => keepTask(this.task)));
    this.rules = h("p", { class: "form-text" });
    root.append(this.line, h("div", { class: "actions" }, this.keep), this.makeChoice());
    this.choice.append(this.makeMore());
  }

  makeChoice() {
    this.select = h("select", { class: "form-select", id: "stop-choice", onchange: () => this.showTime() },
      ...STOP_AFTER.map(([value, words]) => h("option", { value }, `In ${words}`)),
      h("option", { value: "at" }, "At a time…"));
    this.time = h("input", { class: "form-control", type: "datetime-local", "aria-label": "Stop the task at", hidden: true });
    this.set = button("Set", "clock", "outline-secondary", () => this.act(this.set, () => this.choose()));
    this.clear = button("Do not stop it then", "close", "outline-secondary", () => this.act(this.clear, () => chooseEnd(this.task, { stop_at: null })));
    const row = h("div", { class: "actions" }, this.select, this.time, this.set, this.clear);
    const label = h("label", { class: "form-label", for: "stop-choice" }, "Stop the task");
    this.choice = h("details", { class: "end-choice" }, h("summary", {}, "End of the task"), this.rules, label, row);
    return this.choice;
  }

  /** More time for the job, where its scheduler lets its owner have it. */
  makeMore() {
    this.amount = h("select", { class: "form-select", id: "more-time" }, ...STOP_AFTER.map(([value, words]) => h("option", { value }, words)));
    this.ask = button("Ask for it", "plus", "outline-secondary", () => this.act(this.ask, () => call("POST", taskUrl(this.task.id, "/time"), { time: this.amount.value })));
    const label = h("label", { class: "form-label", for: "more-time" }, "More time for the job");
    this.more = h("div", {}, label, h("div", { class: "actions" }, this.amount, this.ask));
    return this.more;
  }

  showTime() {
    this.time.hidden = this.select.value !== "at";
    if (!this.time.hidden && !this.time.value) this.time.value = localValue(nextEvening());
  }

  choose() {
    const after = this.select.value;
    return chooseEnd(this.task, after === "at" ? { stop_at: isoValue(this.time.value) || null } : { stop_after: after });
  }

  update(task) {
    this.task = task;
    this.root.hidden = isEnded(task) || task.state === "stopping" || !task.lifetime;
    this.keep.hidden = !isKeepable(task);
    this.choice.hidden = !task.can.keep;
    this.clear.hidden = !task.lifetime?.stop_at;
    this.more.hidden = !(task.state === "running" && task.job?.ends_at);
    setText(this.rules, rulesText(task.lifetime));
    this.tick();
  }

  /** Time goes on without news of the task; true while its user is asked. */
  tick() {
    const { lifetime } = this.task;
    const asks = Boolean(lifetime?.asks) && !this.root.hidden;
    setText(this.text, lifetime ? planText(this.task) : "");
    this.line.hidden = !this.text.textContent;
    this.line.classList.toggle("time-near", asks);
    return asks;
  }
}

function planText(task) {
  const { lifetime } = task;
  if (!lifetime.ends_at) return lifetime.message;
  const text = endText(task);
  const end = text ? `It is ${text}, at` : "It is stopped at";
  return `${end} ${clock(lifetime.ends_at)}. ${lifetime.message}`;
}

/** What counts for such tasks, whatever is planned now. */
function rulesText(lifetime) {
  const rules = [];
  if (lifetime?.idle_timeout) rules.push(`after ${timeSpan(lifetime.idle_timeout)} in which nobody used it and it did not compute`);
  if (lifetime?.longest) rules.push(`after ${timeSpan(lifetime.longest)} at the latest`);
  return rules.length ? `It is stopped ${rules.join(", and ")}.` : "It runs until somebody stops it, or until a time that you choose here.";
}
