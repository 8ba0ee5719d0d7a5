// What somebody else has saved meanwhile, beside what is written here.

import { h, icon } from "../dom.js";
import { LABELS, valueOf, valueText } from "./entries.js";

/** `onTake(key)`: the value of the newer version shall count for a key. */
export function makeConflict({ message, keys, theirs, onTake }) {
  const lines = keys.map((key) => {
    const label = LABELS[key] || key;
    const take = h("button", { type: "button", class: "btn btn-sm btn-outline-secondary", "aria-label": `Take the newer ${label}` }, "Take the newer");
    const line = h("li", { class: "conflict-line" },
      h("span", { class: "conflict-key" }, label), h("span", { class: "conflict-value" }, valueText(valueOf(theirs, key))), take);
    take.addEventListener("click", () => {
      line.remove();
      onTake(key);
    });
    return line;
  });
  const rest = keys.length
    ? "Your input is kept. These fields differ: below is what the newer version has. Save to keep yours."
    : "Your input is kept, together with the other changes. Check it, and save again.";
  return h("div", { class: "callout", role: "alert", tabindex: "-1" }, icon("alert"),
    h("div", {}, h("p", {}, h("strong", {}, message)), h("p", {}, rest), lines.length ? h("ul", { class: "conflict-list" }, ...lines) : null));
}
