// Lines of the form, each with several fields: environment variables, further interfaces.

import { h, icon } from "../dom.js";
import { button } from "../ui.js";
import { iconButton, textInput } from "./fields.js";

export class Rows {
  /**
   * `columns`: `[{key, label, multiline, properties}]`, the fields of a line; `one`: what a line is
   * called; `most`: how many there may be.
   */
  constructor({ columns, one: noun, most }) {
    this.columns = columns;
    this.one = noun;
    this.most = most;
    this.list = h("ul", { class: "software-rows" });
    this.add = button(`Add ${noun}`, "plus", "outline-secondary btn-sm", () => this.addRow().focus());
    this.element = h("div", { class: "field-wide" }, this.list, this.add);
  }

  /** Shows lines of values by key. */
  show(rows) {
    this.list.replaceChildren();
    for (const row of rows) this.addRow(row);
    this.update();
  }

  /** A line at the end; returns its first field. */
  addRow(values = {}) {
    const controls = this.columns.map(({ key, properties = {}, multiline }) => {
      const control = multiline
        ? h("textarea", { class: "form-control", rows: "1", spellcheck: "false", "data-key": key, ...properties })
        : textInput({ "data-key": key, ...properties });
      control.value = values[key] ?? "";
      return control;
    });
    const labels = this.columns.map(({ label }, index) => h("label", {}, h("span", { class: "form-label" }, label), controls[index]));
    const row = h("li", { class: "software-row" }, ...labels);
    row.append(iconButton(`Remove ${this.one}`, "close", () => this.removeRow(row)));
    this.list.append(row);
    this.update();
    return controls[0];
  }

  removeRow(row) {
    const next = row.nextElementSibling || row.previousElementSibling;
    row.remove();
    this.update();
    (next ? next.querySelector("[data-key]") : this.add).focus();
  }

  update() {
    this.add.disabled = this.list.childElementCount >= this.most;
    this.list.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** The lines as values by key, without empty ones. */
  read() {
    const rows = [...this.list.children].map((row) => Object.fromEntries(
      [...row.querySelectorAll("[data-key]")].map((control) => [control.dataset.key, control.value]),
    ));
    return rows.filter((row) => Object.values(row).some((value) => value.trim()));
  }
}

/** What a look-up, or a check, says: a line with an icon that a screen reader is told of. */
export class StatusLine {
  constructor() {
    this.spinner = h("span", { class: "spinner", "aria-hidden": "true" });
    this.text = h("span");
    this.mark = h("span", { class: "software-status-mark" });
    this.element = h("div", { class: "software-status field-wide", role: "status", hidden: true }, this.spinner, this.mark, this.text);
  }

  /** `state`: "" (nothing to say), `asking`, `found`, `fault`; `parts` are texts, a line each. */
  show(state, parts = []) {
    this.element.hidden = !state;
    this.element.dataset.state = state;
    this.spinner.hidden = state !== "asking";
    this.mark.replaceChildren(...(state === "found" ? [icon("check")] : state === "fault" ? [icon("alert")] : []));
    this.text.replaceChildren(...parts.map((part) => h("span", { class: "software-status-part" }, part)));
  }
}
