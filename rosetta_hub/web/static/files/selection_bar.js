// What is selected, and what can be done with it.

import { h } from "../dom.js";
import { button } from "../ui.js";
import { selectionText } from "./entries.js";

export class SelectionBar {
  /** `actions`: `[{label, icon, run(entries), fits(entries)}]`; `onClear()`. */
  constructor(bar, { actions = [], onClear }) {
    this.bar = bar;
    this.text = h("span", { class: "files-bar-text", role: "status" });
    this.actions = actions.map((action) => ({
      ...action,
      control: titled(button(action.label, action.icon, "outline-secondary btn-sm", () => action.run(this.entries)), action.label),
    }));
    const clear = titled(button("Clear", "close", "quiet btn-sm", onClear), "Clear the selection");
    bar.append(this.text, ...this.actions.map(({ control }) => control), clear);
  }

  show(entries) {
    this.entries = entries;
    this.bar.hidden = entries.length === 0;
    if (entries.length === 0) return;
    this.text.textContent = selectionText(entries);
    for (const { control, fits } of this.actions) control.hidden = !fits(entries);
  }
}

/** On a narrow page only the icon is seen. */
function titled(control, title) {
  control.title = title;
  return control;
}
