// Fields of the dialogs of the Admin page: a label, a control, and a hint.

import { newId } from "../dialogs.js";
import { h } from "../dom.js";

/** `{control, element}`: a control under its label. */
export function field(label, control, hint = "") {
  control.id = newId("field");
  const note = hint && h("p", { class: "faint admin-hint", id: `${control.id}-hint` }, hint);
  if (note) control.setAttribute("aria-describedby", note.id);
  return { control, element: h("div", { class: "admin-field" }, h("label", { class: "form-label", for: control.id }, label), control, note || null) };
}

/** A choice of `[value, label]`. */
export function selectField(label, entries, initial) {
  const control = h("select", { class: "form-select" }, ...entries.map(([value, text]) => h("option", { value }, text)));
  control.value = initial;
  return field(label, control);
}

/** A box to tick. */
export function checkField(label, isChecked) {
  const control = h("input", { class: "form-check-input", type: "checkbox", id: newId("field"), checked: isChecked });
  return { control, element: h("label", { class: "form-check", for: control.id }, control, h("span", {}, label)) };
}
