// Fields of the software's form: a label, a control, and what there is to say of it.

import { newId } from "../dialogs.js";
import { h, icon } from "../dom.js";

const PLAIN = { autocomplete: "off", spellcheck: "false", autocapitalize: "none" };

/** A text field; `properties` are more attributes. */
export const textInput = (properties = {}) => h("input", { class: "form-control", ...PLAIN, ...properties });

/** A choice of `[value, label]`. */
export function selectInput(entries, properties = {}) {
  const select = h("select", { class: "form-select", ...properties });
  fillSelect(select, entries);
  return select;
}

/** Other choices for a select; what was chosen stays where it is still there. */
export function fillSelect(select, entries) {
  const before = select.value;
  select.replaceChildren(...entries.map(([value, label]) => h("option", { value }, label)));
  if (entries.some(([value]) => value === before)) select.value = before;
}

/** A text field that offers values, which `offer(input, values)` sets. */
export function offeringInput(properties = {}) {
  const id = newId("values");
  const input = textInput({ list: id, ...properties });
  return { input, list: h("datalist", { id }) };
}

export function offer(list, values) {
  list.replaceChildren(...values.map((value) => h("option", { value })));
}

/** A control with its label, and a hint below. */
export function field(label, control, { hint = "", more = [], wide = false } = {}) {
  const id = (control.id ||= newId("field"));
  const text = h("p", { class: "form-text", id: `${id}-hint` }, hint);
  control.setAttribute("aria-describedby", text.id);
  const box = h("div", { class: `field${wide ? " field-wide" : ""}` }, h("label", { class: "form-label", for: id }, label), control, ...more, text);
  return { box, control, hint: text };
}

/** A checkbox with its text. */
export function checkField(label, control) {
  control.id ||= newId("check");
  return h("div", { class: "form-check field-wide" }, control, h("label", { class: "form-check-label", for: control.id }, label));
}

export const checkInput = () => h("input", { type: "checkbox", class: "form-check-input" });

/** A part of the form with a title. */
export function section(title, ...children) {
  return h("fieldset", { class: "software-section" }, h("legend", {}, title), h("div", { class: "software-fields" }, ...children));
}

/** A part of the form that is closed at first, and opens where something in it is wrong. */
export function foldedSection(title, ...children) {
  const details = h("details", { class: "software-section" }, h("summary", {}, title), h("div", { class: "software-fields" }, ...children));
  details.addEventListener("invalid", () => { details.open = true; }, true);
  return details;
}

/** A button without a text, with a name. */
export const iconButton = (name, iconName, onclick) => h("button", { type: "button", class: "btn btn-outline-secondary", "aria-label": name, title: name, onclick }, icon(iconName));
