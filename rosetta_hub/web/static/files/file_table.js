// The table of a folder's entries: rows, selection with mouse and keyboard, sorting.
// It is a plain table whose links carry the focus, so that screen readers read it as one.

import { all, first, h, icon, setText } from "../dom.js";
import { moment } from "../format.js";
import { iconName, isFolder, modeText, modifiedText, ownerText, sizeText, typeText } from "./entries.js";
import { displayName } from "./paths.js";
import { Selection } from "./selection.js";

const COLUMNS = ["size", "modified", "mode", "owner"];

export class FileTable {
  /**
   * `makeHref(entry)`: where a link leads. `onOpen(entry)`, `onSort(key)`, `onSelect()`, and
   * `onKey(event)` for keys that the table itself has no use for.
   */
  constructor(table, { makeHref, onOpen, onSort, onSelect, onKey }) {
    this.table = table;
    this.makeHref = makeHref;
    this.onOpen = onOpen;
    this.onSort = onSort;
    this.onSelect = onSelect;
    this.onKey = onKey;
    this.body = table.tBodies[0];
    this.selection = new Selection();
    this.entries = new Map();
    this.rows = new Map();
    this.master = first("#select-all", table);
    this.master.addEventListener("change", () => this.change(() => (this.master.checked ? this.selection.all() : this.selection.clear())));
    for (const button of all("[data-sort]", table)) button.addEventListener("click", () => onSort(button.dataset.sort));
    this.body.addEventListener("click", (event) => this.clicked(event));
    this.body.addEventListener("dblclick", (event) => this.doubleClicked(event));
    this.body.addEventListener("change", (event) => this.checked(event));
    this.body.addEventListener("keydown", (event) => this.pressed(event));
    this.body.addEventListener("focusin", (event) => this.focused(event));
  }

  /** Shows entries in this order; rows that stay keep their element, and so focus and place. */
  show(entries) {
    const hadFocus = this.body.contains(document.activeElement);
    this.entries = new Map(entries.map((entry) => [entry.path, entry]));
    this.selection.setKeys([...this.entries.keys()]);
    for (const [path, row] of this.rows) {
      if (this.entries.has(path)) continue;
      row.element.remove();
      this.rows.delete(path);
    }
    entries.forEach((entry, index) => {
      const row = this.rows.get(entry.path) || this.makeRow(entry.path);
      row.update(entry, this.makeHref(entry));
      if (this.body.children[index] !== row.element) this.body.insertBefore(row.element, this.body.children[index] || null);
    });
    this.update();
    if (hadFocus && !this.body.contains(document.activeElement)) this.focus();
  }

  makeRow(path) {
    const row = new FileRow(path);
    this.rows.set(path, row);
    return row;
  }

  showSort(key, reverse) {
    for (const button of all("[data-sort]", this.table)) {
      const cell = button.closest("th");
      if (button.dataset.sort === key) cell.setAttribute("aria-sort", reverse ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    }
  }

  /** The entries that an action is about. */
  targets() {
    return this.selection.targets().map((path) => this.entries.get(path));
  }

  selected() {
    return [...this.selection.chosen].map((path) => this.entries.get(path));
  }

  select(path) {
    this.change(() => this.selection.only(path));
    this.focus();
  }

  clear() {
    this.change(() => this.selection.clear());
  }

  /** Puts cursor and focus on an entry, where it is in the list. */
  moveTo(path) {
    const index = this.selection.keys.indexOf(path);
    if (index >= 0) this.change(() => this.selection.moveTo(index));
    this.focus();
  }

  /** Puts the focus on the row with the cursor. */
  focus() {
    this.rows.get(this.selection.cursor)?.link.focus();
  }

  change(act) {
    act();
    this.update();
    this.onSelect();
  }

  update() {
    const { chosen: selection, cursor, keys } = this.selection;
    for (const [path, row] of this.rows) row.mark(selection.has(path), path === cursor);
    this.master.checked = keys.length > 0 && selection.size === keys.length;
    this.master.indeterminate = selection.size > 0 && selection.size < keys.length;
    this.master.disabled = keys.length === 0;
  }

  pathOf(event) {
    return event.target.closest("tr")?.dataset.path;
  }

  clicked(event) {
    const path = this.pathOf(event);
    if (path === undefined || event.target.closest("input, label")) return;
    const link = event.target.closest("a");
    const selects = event.shiftKey || event.ctrlKey || event.metaKey;
    if (link && !selects) {
      event.preventDefault();
      this.onOpen(this.entries.get(path));
      return;
    }
    event.preventDefault();
    if (event.shiftKey) this.change(() => this.selection.extendTo(path));
    else if (selects) this.change(() => this.selection.toggle(path));
    else this.change(() => this.selection.only(path));
    this.focus();
  }

  doubleClicked(event) {
    const path = this.pathOf(event);
    if (path !== undefined && !event.target.closest("a, input, label")) this.onOpen(this.entries.get(path));
  }

  checked(event) {
    const path = this.pathOf(event);
    if (path === undefined) return;
    this.change(() => this.selection.toggle(path));
  }

  focused(event) {
    const path = this.pathOf(event);
    if (path === undefined || path === this.selection.cursor) return;
    this.selection.cursor = path;
    this.update();
  }

  pressed(event) {
    const page = 15;
    const last = this.selection.keys.length - 1;
    const moves = {
      ArrowDown: () => this.selection.move(1, event.shiftKey),
      ArrowUp: () => this.selection.move(-1, event.shiftKey),
      PageDown: () => this.selection.move(page, event.shiftKey),
      PageUp: () => this.selection.move(-page, event.shiftKey),
      Home: () => this.selection.moveTo(0, event.shiftKey),
      End: () => this.selection.moveTo(last, event.shiftKey),
      " ": () => this.selection.toggle(this.selection.cursor),
    };
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    const act = plain ? moves[event.key] : (event.ctrlKey || event.metaKey) && event.key === "a" ? () => this.selection.all() : null;
    if (!act) {
      this.onKey(event);
      return;
    }
    event.preventDefault();
    this.change(act);
    this.focus();
  }
}

class FileRow {
  constructor(path) {
    this.box = h("input", { type: "checkbox", class: "form-check-input", tabindex: -1 });
    this.link = h("a", { class: "files-link", tabindex: -1, draggable: "false" });
    this.type = h("span", { class: "visually-hidden" });
    this.icon = h("span", { class: "files-icon" });
    this.target = h("span", { class: "files-target" });
    this.brief = h("span", { class: "files-brief", "aria-hidden": "true" });
    this.cells = Object.fromEntries(COLUMNS.map((column) => [column, h("td", { class: `files-${column}` })]));
    this.element = h("tr", { "data-path": path, draggable: "true" },
      h("td", { class: "files-check" }, h("label", {}, this.box)),
      h("th", { scope: "row", class: "files-name" },
        h("span", { class: "files-title" }, this.icon, h("span", { class: "files-names" }, this.link, this.type, this.target, this.brief))),
      ...Object.values(this.cells));
  }

  update(entry, href) {
    if (this.etag === entry.etag && this.link.getAttribute("href") === href) return;
    this.etag = entry.etag;
    const name = entry.name || displayName(entry.path);
    setText(this.link, name);
    this.link.setAttribute("href", href);
    this.box.setAttribute("aria-label", `Select ${name}`);
    this.element.dataset.kind = isFolder(entry) ? "folder" : "file";
    this.icon.replaceChildren(icon(iconName(entry)));
    this.icon.title = typeText(entry);
    setText(this.type, entry.type === "file" ? "" : `, ${typeText(entry)}`);
    setText(this.target, entry.target ? `→ ${entry.target}` : "");
    setText(this.cells.size, sizeText(entry));
    setText(this.cells.modified, modifiedText(entry));
    this.cells.modified.title = entry.modified ? moment(entry.modified * 1000) : "";
    setText(this.cells.mode, modeText(entry));
    setText(this.cells.owner, ownerText(entry));
    setText(this.brief, [sizeText(entry), modifiedText(entry)].filter(Boolean).join(" · "));
  }

  mark(selected, current) {
    this.element.classList.toggle("selected", selected);
    this.box.checked = selected;
    this.link.tabIndex = current ? 0 : -1;
  }
}
