// The list of storages, each with how full it is as soon as it answers.

import { h, icon, setText } from "../dom.js";
import { askStorage } from "./files_api.js";
import { UsageBar } from "./usage.js";

/** Where a storage is and where tasks find it, in words. */
export function storageText(storage) {
  const where = (storage.computing || []).map((resource) => resource.name).join(", ");
  const bound = storage.bind_path ? `in tasks at ${storage.bind_path}` : "";
  return [where, bound].filter(Boolean).join(" · ");
}

export class StorageCards {
  /** `makeHref(storage)` and `onOpen(storage)`. */
  constructor(list, { makeHref, onOpen }) {
    this.list = list;
    this.makeHref = makeHref;
    this.onOpen = onOpen;
  }

  show(storages) {
    this.list.replaceChildren(...storages.map((storage) => this.makeCard(storage)));
  }

  makeCard(storage) {
    const link = h("a", { class: "storage-name", href: this.makeHref(storage), onclick: (event) => this.open(event, storage) }, storage.name);
    const usage = new UsageBar();
    const fault = h("p", { class: "storage-fault", hidden: true }, icon("alert"), h("span"));
    const card = h("li", { class: "storage-card" },
      h("span", { class: "storage-icon" }, icon(storage.home ? "home" : "drive")),
      h("div", { class: "storage-body" },
        h("div", { class: "storage-title" }, h("h2", {}, link), storage.read_only ? h("span", { class: "tag" }, "Read-only") : null),
        storage.description ? h("p", { class: "storage-description" }, storage.description) : null,
        h("p", { class: "storage-where" }, storageText(storage)),
        usage.element, fault));
    this.measure(storage, usage, fault);
    return card;
  }

  open(event, storage) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.onOpen(storage);
  }

  async measure(storage, usage, fault) {
    try {
      usage.update((await askStorage(storage.id)).usage);
    } catch (error) {
      fault.hidden = false;
      setText(fault.lastElementChild, error.message);
    }
  }
}
