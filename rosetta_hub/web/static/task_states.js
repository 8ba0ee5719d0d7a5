// What the state of a task means on a page.

import { h, setText } from "./dom.js";

const NAMES = {
  queued: "Queued",
  starting: "Starting",
  running: "Running",
  stopping: "Stopping",
  stopped: "Stopped",
  failed: "Failed",
};

export function isEnded(task) {
  return task.state === "stopped" || task.state === "failed";
}

export function isReady(task) {
  return task.state === "running";
}

/** Whether the browser itself opens it; everything else is reached with a program of the user's. */
export function isWeb(task) {
  return !task.interface || ["http", "https"].includes(task.interface.protocol);
}

export function stateName(state) {
  return NAMES[state] || state;
}

/** A badge that says a state in a word, with a mark; `showState` changes it. */
export function stateBadge() {
  return h("span", { class: "state" }, h("span", { class: "state-mark", "aria-hidden": "true" }), h("span"));
}

export function showState(badge, state) {
  badge.dataset.state = state;
  setText(badge.lastElementChild, stateName(state));
}
