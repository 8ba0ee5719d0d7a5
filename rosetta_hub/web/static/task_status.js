// The parts of a task's page that say how far it is.

import { element, h, icon, setMessage, setText } from "./dom.js";
import { bytes } from "./format.js";
import { deadlineText, expectedText, isNearEnd, reasonText } from "./job.js";
import { isEnded } from "./task_states.js";

const ORDER = ["queued", "starting", "running"];

/** The steps are for the tunnel there: once it runs, or has ended, the message says enough. */
export function showSteps(list, task) {
  const { state } = task;
  list.hidden = !["queued", "starting"].includes(state);
  const now = ORDER.indexOf(state);
  for (const step of list.children) {
    const place = ORDER.indexOf(step.dataset.step);
    step.dataset.done = String(place < now);
    if (place === now) step.setAttribute("aria-current", "step");
    else step.removeAttribute("aria-current");
  }
}

export function showProgress({ state, progress }) {
  const isShown = Boolean(progress) && state === "starting";
  element("pull").hidden = !isShown;
  if (!isShown) return;
  const { done: count, total } = progress;
  const part = total ? Math.min(100, Math.floor((100 * count) / total)) : null;
  const bar = element("pull-progress");
  bar.classList.toggle("progress-unknown", part === null);
  element("pull-bar").style.width = part === null ? "" : `${part}%`;
  if (part === null) bar.removeAttribute("aria-valuenow");
  else bar.setAttribute("aria-valuenow", String(part));
  const remaining = Math.max(0, total - count);
  const text = part === null ? `${bytes(count)} so far` : `${part} %, ${bytes(remaining)} to go`;
  bar.setAttribute("aria-valuetext", text);
  setText(element("pull-text"), text);
}

/** What the scheduler says of a task that waits, beside the message. */
export function showQueue(task) {
  const parts = { reason: reasonText(task), expected: expectedText(task) };
  show("reason", "reason", parts.reason);
  show("expected", "expected-text", parts.expected && parts.expected[0].toUpperCase() + parts.expected.slice(1));
  element("queue").hidden = !parts.reason && !parts.expected;
  show("condition", "condition-text", task.condition === task.message ? "" : task.condition);
}

/** The time until the limit; true when it is nearly up. */
export function showTimeLeft(task) {
  const near = isNearEnd(task);
  show("time-left", "time-left-text", deadlineText(task));
  element("time-left").classList.toggle("time-near", near);
  element("time-left-advice").hidden = !near;
  return near;
}

function show(box, place, text) {
  element(box).hidden = !text;
  setMessage(element(place), text || "");
}

export function showWarnings(list, warnings) {
  const texts = [...list.children].map((item) => item.textContent);
  if (texts.join("\n") !== warnings.join("\n")) {
    list.replaceChildren(...warnings.map((text) => h("li", {}, icon("alert"), h("span", {}, text))));
  }
}

/** The last words of a task that failed, beside the cause: nobody should have to look for them. */
export function showTail(task) {
  const lines = task.log_tail || [];
  element("tail").hidden = !(isEnded(task) && task.state === "failed" && lines.length);
  setText(element("tail-text"), lines.join("\n"));
}
