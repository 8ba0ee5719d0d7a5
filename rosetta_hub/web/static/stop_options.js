// The form's choice of when the task is stopped.

import { element, h } from "./dom.js";
import { isoValue, localValue, nextEvening } from "./stop_time.js";

export class StopOptions {
  /** `values` are those that the form is filled in with, by the names of its fields. */
  constructor(values) {
    this.select = element("option-stop");
    this.time = element("option-stop-time");
    this.sent = element("option-stop-at");
    // Without scripts there is none: the browser alone knows the user's zone.
    this.at = h("option", { value: "" }, "At a time…");
    this.select.append(this.at);
    this.select.addEventListener("change", () => this.show());
    this.time.addEventListener("change", () => this.show());
    this.fill(values.get("stop_at"));
    element("stop-options").open = this.select.selectedIndex > 0;
    this.show();
  }

  fill(iso) {
    const time = new Date(iso || "");
    if (Number.isNaN(time.getTime())) return;
    this.at.selected = true;
    this.time.value = localValue(time);
  }

  show() {
    const isChosen = this.at.selected;
    element("stop-at-field").hidden = !isChosen;
    if (isChosen && !this.time.value) this.time.value = localValue(nextEvening());
    this.time.required = isChosen;
    this.sent.value = isoValue(this.time.value);
    this.sent.disabled = !isChosen;
    // What was left open is not sent.
    this.select.name = this.select.value ? "stop_after" : "";
  }
}
