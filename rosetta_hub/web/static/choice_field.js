// A field that is a choice where the choices are known, and a text where they are not.

import { h } from "./dom.js";

export class ChoiceField {
  /** `input` is the text field of the page; the select takes its place, name and label. */
  constructor(input, changed) {
    this.input = this.shown = input;
    this.id = input.id;
    this.select = h("select", { class: "form-select", name: input.name, "aria-describedby": input.getAttribute("aria-describedby") });
    this.entries = "";
    input.addEventListener("change", changed);
    this.select.addEventListener("change", changed);
  }

  get value() {
    return this.shown.value.trim();
  }

  /** Whatever was chosen is for another resource. */
  clear() {
    this.ask();
    this.input.value = "";
  }

  /** Lets the user write. */
  ask() {
    if (this.shown === this.input) return;
    this.input.value = this.value;
    this.show(this.input);
  }

  /**
   * Offers entries of `{value, label, disabled}`. What was chosen stays where it is still there;
   * `preferred` is chosen otherwise.
   */
  offer(entries, preferred = "") {
    const before = this.value;
    const text = JSON.stringify(entries);
    if (text !== this.entries) {
      this.select.replaceChildren(...entries.map(({ value, label, disabled }) => h("option", { value, disabled }, label)));
    }
    this.entries = text;
    const has = (key) => entries.some(({ value }) => value === key);
    this.select.value = has(before) ? before : has(preferred) ? preferred : entries[0].value;
    this.show(this.select);
  }

  show(control) {
    if (this.shown === control) return;
    const focused = document.activeElement === this.shown;
    this.shown.removeAttribute("id");
    control.id = this.id;
    control.disabled = this.shown.disabled;
    this.shown.replaceWith(control);
    this.shown = control;
    if (focused) control.focus();
  }

  set disabled(disabled) {
    this.shown.disabled = disabled;
  }
}
