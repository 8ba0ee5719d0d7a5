// A dialog in which a folder of a storage is chosen.

import { h, icon, setText } from "../dom.js";
import { openDialog } from "../dialogs.js";
import { isFolder } from "./entries.js";
import { listFolder } from "./files_api.js";
import { parentPath, pathSteps } from "./paths.js";

class Picker {
  constructor(storages, storage, path) {
    this.storages = storages;
    this.storage = storage;
    this.path = path;
    this.select = h("select", { class: "form-select", id: "picker-storage", onchange: () => this.choose(this.select.value) },
      ...storages.map((choice) => h("option", { value: choice.id, selected: choice.id === storage.id }, choice.name)));
    this.place = h("p", { class: "picker-place", role: "status" });
    this.list = h("ul", { class: "picker-list", "aria-label": "Folders" });
    this.body = [
      h("div", { class: "field" }, h("label", { class: "form-label", for: "picker-storage" }, "Storage"), this.select),
      this.place, this.list,
    ];
    this.load();
  }

  choose(id) {
    this.storage = this.storages.find((choice) => choice.id === id);
    this.go("");
  }

  go(path) {
    this.path = path;
    return this.load();
  }

  async load() {
    const { storage, path } = this;
    const name = [storage.name, ...pathSteps(path).map((step) => step.name)].join(" / ");
    setText(this.place, name);
    this.list.replaceChildren(h("li", { class: "faint" }, "…"));
    try {
      const { entries } = await listFolder(storage.id, path, { sort: "name" });
      if (this.storage === storage && this.path === path) this.show(entries.filter(isFolder));
    } catch (error) {
      this.list.replaceChildren(h("li", { class: "storage-fault" }, error.message));
    }
  }

  show(folders) {
    const hadFocus = this.list.contains(document.activeElement) || document.activeElement === document.body;
    const row = (label, iconName, path) => h("li", {}, h("button", { type: "button", class: "picker-folder", onclick: () => this.go(path) }, icon(iconName), h("span", {}, label)));
    const above = this.path ? [row("Folder above", "back", parentPath(this.path))] : [];
    const rows = folders.map((folder) => row(folder.name, "folder", folder.path));
    this.list.replaceChildren(...above, ...rows);
    if (above.length + rows.length === 0) this.list.append(h("li", { class: "faint" }, "There are no folders in it."));
    if (hadFocus) this.list.querySelector("button")?.focus();
  }
}

/** Resolves to `{storage, path}`, null where nothing was chosen. */
export async function pickFolder({ title, action, storages, storage, path }) {
  const picker = new Picker(storages, storage, path);
  const answer = await openDialog({
    title,
    body: picker.body,
    wide: true,
    buttons: [
      { value: "yes", label: action, kind: "primary" },
      { value: "", label: "Cancel", kind: "outline-secondary" },
    ],
  });
  return answer ? { storage: picker.storage, path: picker.path } : null;
}
