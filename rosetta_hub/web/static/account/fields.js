// Parts of the forms of the page "Account".

import { h, setText } from "../dom.js";
import { pending } from "../ui.js";

/** A label and its control, which needs an id. */
export function labelled(label, control) {
  return [h("label", { class: "form-label", for: control.id }, label), control];
}

/** A checkbox with its label; `name` is that of its field. */
export function checkbox(name, label) {
  const box = h("input", { class: "form-check-input", type: "checkbox", name });
  return h("label", { class: "form-check" }, box, h("span", {}, label));
}

/** A control that holds text; `properties` as those of `h`. */
export function textField(properties) {
  return h("input", { class: "form-control", autocapitalize: "none", spellcheck: "false", ...properties });
}

/** The last line of a form: its button, and what came of it. */
export class SaveLine {
  constructor(label) {
    this.button = h("button", { class: "btn btn-primary", type: "submit" }, label);
    this.said = h("span", { class: "faint", role: "status" });
    this.element = h("div", { class: "account-save" }, this.button, this.said);
  }

  say(text) {
    setText(this.said, text);
  }

  /** Runs `save` when the form is sent; its text is shown. Editing removes the text. */
  attach(form, save) {
    form.addEventListener("input", () => this.say(""));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      pending(this.button, async () => this.say(await save()));
    });
  }
}
