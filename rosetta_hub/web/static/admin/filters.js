// A row of filters above a table.

import { newId } from "../dialogs.js";
import { h } from "../dom.js";

// Milliseconds without another key, after which what has been written is asked for.
const PAUSE = 300;

/** A text filter `{name, label, element}`. */
export function textFilter(name, label, properties = {}) {
  const id = newId(name);
  const control = h("input", { class: "form-control form-control-sm", id, type: "search", autocomplete: "off", spellcheck: "false", maxlength: 255, ...properties });
  return { name, control, element: h("div", { class: "admin-filter" }, h("label", { class: "form-label", for: id }, label), control) };
}

/** A choice of `[value, label]`. */
export function choiceFilter(name, label, entries) {
  const id = newId(name);
  const control = h("select", { class: "form-select form-select-sm", id }, ...entries.map(([value, text]) => h("option", { value }, text)));
  return { name, control, element: h("div", { class: "admin-filter" }, h("label", { class: "form-label", for: id }, label), control) };
}

export class Filters {
  /** `onChange()`: the filters say something else; `extra` are elements behind them. */
  constructor(filters, onChange, ...extra) {
    this.filters = filters;
    this.element = h("form", { class: "admin-filters", role: "search", onsubmit: (event) => event.preventDefault() }, ...filters.map(({ element }) => element), ...extra);
    this.element.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(onChange, PAUSE);
    });
  }

  /** The values by name. */
  read() {
    return Object.fromEntries(this.filters.map(({ name, control }) => [name, control.value.trim()]));
  }
}

/** The moment so many hours ago, as the API takes it; "" for no number. */
export function hoursAgo(hours) {
  return hours ? new Date(Date.now() - 3600000 * Number(hours)).toISOString() : "";
}
