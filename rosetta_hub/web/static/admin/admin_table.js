// A table of an admin's tab: it is scrolled by itself where it is wider than the window, and its
// rows come page by page.

import { h } from "../dom.js";

export class AdminTable {
  /**
   * `columns`: `[key, title]`, or `[key, title, sort]` where it can be sorted by that name.
   * `onSort(name)`, `onMore()`: the user wants another order, or the next page.
   */
  constructor({ label, columns, onSort = (_name) => {}, onMore = () => {} }) {
    this.heads = columns.map(([, title, sort]) => (sort ? h("button", { type: "button", class: "admin-sort", "data-sort": sort, onclick: () => onSort(sort) }, title) : title));
    const head = h("tr", {}, ...this.heads.map((content) => h("th", { scope: "col" }, content)));
    this.body = h("tbody");
    this.nothing = h("p", { class: "admin-nothing", hidden: true });
    this.more = h("button", { type: "button", class: "btn btn-outline-secondary btn-sm", hidden: true, onclick: onMore }, "Show more");
    const table = h("table", { class: "admin-table" }, h("caption", { class: "visually-hidden" }, label), h("thead", {}, head), this.body);
    this.element = h("div", {},
      h("div", { class: "admin-scroll", tabindex: "0", role: "region", "aria-label": label }, table), this.nothing, h("p", { class: "admin-more" }, this.more));
  }

  /** Marks the column that the rows are sorted by. */
  markSort(name) {
    for (const control of this.heads) {
      if (typeof control === "string") continue;
      const isSorted = control.dataset.sort === name;
      const cell = control.closest("th");
      if (isSorted) cell.setAttribute("aria-sort", "other");
      else cell.removeAttribute("aria-sort");
    }
  }

  /** Shows rows, after those that are there or in their place; `text`: what to say of none. */
  show(rows, { append = false, hasMore = false, text = "" } = {}) {
    if (append) this.body.append(...rows);
    else this.body.replaceChildren(...rows);
    this.more.hidden = !hasMore;
    this.nothing.hidden = this.body.children.length > 0;
    this.nothing.textContent = text;
  }
}

/** A row of cells: texts, elements, or null. */
export function row(...cells) {
  return h("tr", {}, ...cells.map((cell) => h("td", {}, cell ?? "")));
}
