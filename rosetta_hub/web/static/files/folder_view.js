// One folder: its list, how it is sorted and filtered, and how it stays up to date.

import { announce, element, first, setText } from "../dom.js";
import { plural } from "./entries.js";
import { PAGE_SIZE, askEntry, askStorage, listFolder } from "./files_api.js";
import { FileTable } from "./file_table.js";
import { UsageBar } from "./usage.js";

const POLL = 4000;
// Files that grow do not change their folder: every so often the list itself is asked for.
const POLLS_PER_LIST = 4;
const FILTER_WAIT = 250;
const KEPT = "rosetta-files-list";

export class FolderView {
  /** `makeHref(entry)`, `onOpen(entry)`, `onSelect()`, `onKey(event)`, `onFault(error)`: null where all is well. */
  constructor({ makeHref, onOpen, onSelect, onKey, onFault }) {
    this.onFault = onFault;
    this.onSelect = onSelect;
    this.table = new FileTable(element("files-table"), { makeHref, onOpen, onSelect, onKey, onSort: (key) => this.sortBy(key) });
    this.usage = new UsageBar();
    element("usage").append(this.usage.element);
    this.options = { sort: "name", reverse: false, hidden: false, ...readKept(), filter: "", offset: 0 };
    this.listen();
  }

  listen() {
    const filter = element("filter");
    filter.addEventListener("input", () => {
      clearTimeout(this.filterTimer);
      this.filterTimer = setTimeout(() => this.change({ filter: filter.value.trim(), offset: 0 }), FILTER_WAIT);
    });
    filter.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") {
        event.preventDefault();
        this.table.focus();
      }
    });
    element("hidden-toggle").addEventListener("click", () => this.change({ hidden: !this.options.hidden, offset: 0 }));
    element("page-before").addEventListener("click", () => this.change({ offset: Math.max(0, this.options.offset - PAGE_SIZE) }));
    element("page-after").addEventListener("click", () => this.change({ offset: this.options.offset + PAGE_SIZE }));
    document.addEventListener("visibilitychange", () => this.schedule(0));
  }

  get isOpen() {
    return Boolean(this.storage);
  }

  close() {
    this.storage = null;
    this.stamp = null;
    this.usage.update(null);
    clearTimeout(this.timer);
  }

  /** Shows a folder; throws what the API says where it can't be shown. */
  async open(storage, path) {
    this.close();
    this.storage = storage;
    this.path = path;
    this.entry = null;
    Object.assign(this.options, { filter: "", offset: 0 });
    element("filter").value = "";
    this.table.clear();
    await this.load();
    this.measure();
  }

  async change(options) {
    Object.assign(this.options, options);
    keep(this.options);
    this.table.clear();
    await this.refresh();
  }

  sortBy(key) {
    const reverse = this.options.sort === key ? !this.options.reverse : key === "modified" || key === "size";
    return this.change({ sort: key, reverse, offset: 0 });
  }

  /** Asks for the list again; a fault is told, and what is shown stays. */
  async refresh() {
    try {
      await this.load();
      this.onFault(null);
    } catch (error) {
      this.onFault(error);
    }
  }

  /** After a change: the list, and how much room is left. */
  async changed() {
    await this.refresh();
    this.measure();
  }

  async load() {
    clearTimeout(this.timer);
    const { storage, path } = this;
    const question = JSON.stringify([storage.id, path, this.options]);
    this.asked = question;
    try {
      const listing = await listFolder(storage.id, path, this.options);
      // Somebody went on meanwhile.
      if (this.asked === question && this.storage === storage) this.show(listing);
    } finally {
      if (this.asked === question) this.schedule();
    }
  }

  show(listing) {
    this.entry = listing.entry;
    this.total = listing.total;
    this.polls = 0;
    this.table.showSort(this.options.sort, this.options.reverse);
    this.table.show(listing.entries);
    element("hidden-toggle").setAttribute("aria-pressed", String(this.options.hidden));
    this.showCount(listing.entries.length);
    this.onSelect();
  }

  showCount(count) {
    const { filter, offset } = this.options;
    const { total } = this;
    const empty = element("files-empty");
    empty.hidden = count > 0;
    setText(empty, filter ? `Nothing here has “${filter}” in its name.` : "This folder is empty. Drop files here, or use Upload.");
    first("thead", this.table.table).hidden = count === 0;
    const text = count ? plural(total, "entry", "entries") : "";
    setText(element("files-count"), text);
    element("pager").hidden = total <= PAGE_SIZE;
    setText(element("page-text"), `${(offset + 1).toLocaleString()} to ${(offset + count).toLocaleString()} of ${total.toLocaleString()}`);
    element("page-before").disabled = offset === 0;
    element("page-after").disabled = offset + count >= total;
    if (filter) announce(count ? `${text} found` : empty.textContent);
  }

  async measure() {
    const { storage } = this;
    try {
      const { usage } = await askStorage(storage.id);
      if (this.storage === storage) this.usage.update(usage);
    } catch {
      // The list tells what is wrong with the storage.
    }
  }

  schedule(wait = POLL) {
    clearTimeout(this.timer);
    if (this.storage && !document.hidden) this.timer = setTimeout(() => this.poll(), wait);
  }

  /** Looks whether the folder has changed, and asks for the list where it has. */
  async poll() {
    const { storage, path, entry } = this;
    this.polls += 1;
    if (!entry || this.polls >= POLLS_PER_LIST) {
      await this.refresh();
      return;
    }
    try {
      const { etag } = await askEntry(storage.id, path);
      if (this.storage !== storage || this.path !== path) return;
      this.onFault(null);
      if (etag !== entry.etag) await this.refresh();
      else this.schedule();
    } catch (error) {
      if (this.storage !== storage || this.path !== path) return;
      this.onFault(error);
      this.schedule();
    }
  }
}

function readKept() {
  try {
    const { sort, reverse, hidden } = JSON.parse(localStorage.getItem(KEPT) || "{}");
    return sort ? { sort, reverse, hidden } : {};
  } catch {
    return {};
  }
}

function keep({ sort, reverse, hidden }) {
  try {
    localStorage.setItem(KEPT, JSON.stringify({ sort, reverse, hidden }));
  } catch {
    // A browser that keeps nothing shows the list as at first.
  }
}
