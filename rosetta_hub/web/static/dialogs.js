// Questions with more than one answer, each a dialog that resolves to it; Escape means no.

import { h } from "./dom.js";

let count = 0;

/** An id that no other element has, for a title or a field. */
export function newId(name) {
  count += 1;
  return `${name}-${count}`;
}

/**
 * A dialog with buttons `[{value, label, kind}]`, the first of which has the focus; resolves to the
 * value of the one that was pressed, "" where none was. `check(value)`: a fault that keeps it open.
 */
export function openDialog({ title, body = [], buttons, wide = false, check = (_value) => "" }) {
  const id = newId("dialog-title");
  const fault = h("p", { class: "dialog-fault", role: "alert", hidden: true });
  const controls = buttons.map(({ value, label, kind }) => h("button", { class: `btn btn-${kind}`, value }, label));
  const form = h("form", { method: "dialog" }, h("h2", { id }, title), ...body, fault, h("div", { class: "actions" }, ...controls));
  const dialog = h("dialog", { class: `dialog${wide ? " dialog-wide" : ""}`, "aria-labelledby": id }, form);
  form.addEventListener("submit", (event) => {
    const value = event.submitter?.value || "";
    const text = check(value);
    fault.hidden = !text;
    fault.textContent = text;
    if (text) event.preventDefault();
  });
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}

export const CANCEL = { value: "", label: "Cancel", kind: "outline-secondary" };
