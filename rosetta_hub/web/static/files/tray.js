// What goes on in the background, at the edge of the page: uploads and copies, each a row.

import { element, h, icon, setText } from "../dom.js";

export class Tray {
  constructor() {
    this.box = element("tray");
    this.title = h("h2", { class: "tray-title", id: "tray-title" });
    this.toggle = h("button", { type: "button", class: "btn btn-sm btn-quiet", "aria-expanded": "true", "aria-controls": "tray-list", onclick: () => this.fold() });
    this.list = h("ul", { class: "tray-list", id: "tray-list" });
    this.box.append(h("div", { class: "tray-head" }, this.title, this.toggle), this.list);
    this.sections = new Map();
    this.fold(false);
  }

  fold(isFolded = !this.list.hidden) {
    this.list.hidden = isFolded;
    this.toggle.setAttribute("aria-expanded", String(!isFolded));
    setText(this.toggle, isFolded ? "Show" : "Hide");
  }

  /** Says how a kind of work stands: `{text, rows}`; an empty text where there is none. */
  update(kind, text, rows) {
    this.sections.set(kind, { text, rows });
    const sections = [...this.sections.values()].filter((section) => section.text);
    this.box.hidden = sections.length === 0;
    setText(this.title, sections.map((section) => section.text).join(" · "));
    place(this.list, sections.flatMap((section) => section.rows));
  }
}

/** Puts the rows in order without touching those in their place, which would lose the focus. */
function place(list, rows) {
  const elements = new Set(rows.map((row) => row.element));
  for (const child of [...list.children]) if (!elements.has(child)) child.remove();
  rows.forEach((row, index) => {
    if (list.children[index] !== row.element) list.insertBefore(row.element, list.children[index] || null);
  });
}

export class TrayRow {
  /** `buttons`: `[{name, icon, label, run()}]`; which of them are shown is said at each update. */
  constructor(title, iconName, buttons) {
    this.bar = h("div", { class: "progress-bar" });
    this.progress = h("div", { class: "progress", role: "progressbar", "aria-label": title, "aria-valuemin": 0, "aria-valuemax": 100 }, this.bar);
    this.text = h("p", { class: "tray-text" });
    this.controls = buttons.map((properties) => ({
      name: properties.name,
      control: h("button", { type: "button", class: "btn btn-sm btn-quiet", title: properties.label, "aria-label": `${properties.label} ${title}`, onclick: properties.run }, icon(properties.icon)),
    }));
    this.element = h("li", { class: "tray-row" }, icon(iconName),
      h("div", { class: "tray-body" }, h("p", { class: "tray-name", title }, title), this.progress, this.text),
      h("div", { class: "tray-buttons" }, ...this.controls.map(({ control }) => control)));
  }

  /** `part` from 0 to 1, null where it is not known; `state`: `running`, `failed`, `done` or `waiting`. */
  update({ state, part, text, buttons }) {
    this.element.dataset.state = state;
    const percent = part === null ? null : Math.round(100 * part);
    this.progress.hidden = state === "done" || state === "failed";
    this.progress.classList.toggle("progress-unknown", percent === null);
    this.bar.style.width = percent === null ? "" : `${percent}%`;
    if (percent === null) this.progress.removeAttribute("aria-valuenow");
    else this.progress.setAttribute("aria-valuenow", String(percent));
    setText(this.text, text);
    for (const { name, control } of this.controls) control.hidden = !buttons.includes(name);
  }
}
