// The file manager: the storages, and the folder that the address names.

import { element, first, setText } from "../dom.js";
import { Breadcrumbs } from "./breadcrumbs.js";
import { isFolder } from "./entries.js";
import { fileUrl, listStorages } from "./files_api.js";
import { FolderView } from "./folder_view.js";
import { displayName, lastPart, parentPath, readAddress } from "./paths.js";
import { SelectionBar } from "./selection_bar.js";
import { StorageCards, storageText } from "./storage_cards.js";

const PREFIX = first("main").dataset.prefix;
const LEAD = element("folder-lead").textContent;

class FilesPage {
  constructor() {
    const makeHref = (storage, path) => `${PREFIX}files/${storage ? `${storage}/${path}` : ""}`;
    this.makeHref = makeHref;
    /** @type {any[] | null} */
    this.storages = null;
    this.selectionBar = new SelectionBar(element("selection-bar"), { onClear: () => this.folder.table.clear() });
    const onOpen = (storage, path) => this.go(storage, path);
    this.crumbs = new Breadcrumbs(element("crumbs"), { makeHref, onOpen });
    this.cards = new StorageCards(element("storage-list"), { makeHref: (storage) => makeHref(storage.id, ""), onOpen: (storage) => this.go(storage.id, "") });
    this.folder = new FolderView({
      makeHref: (entry) => makeHref(this.folder.storage.id, entry.path),
      onOpen: (entry) => this.openEntry(entry),
      onSelect: () => this.selectionBar.show(this.folder.table.selected()),
      onKey: (event) => this.pressed(event),
      onFault: (error) => this.showFault(error),
    });
    element("fault-retry").addEventListener("click", () => this.route());
    window.addEventListener("popstate", () => this.route());
    this.route();
  }

  /** Opens a folder, with an address of its own that the back button knows. */
  go(storage, path) {
    history.pushState(null, "", this.makeHref(storage, path));
    return this.route({ focus: true });
  }

  openEntry(entry) {
    if (isFolder(entry)) this.go(this.folder.storage.id, entry.path);
    else window.open(fileUrl(this.folder.storage.id, entry.path));
  }

  /** Shows what the address names. */
  async route({ focus = false } = {}) {
    const { storage, path } = readAddress(location.pathname, PREFIX);
    this.showFault(null);
    try {
      this.storages ??= await listStorages();
      if (storage) await this.showFolder(storage, path);
      else this.showStorages();
      if (focus) this.takeFocus();
    } catch (error) {
      element("folder").hidden = true;
      this.showFault(error);
    }
    element("loading").hidden = true;
  }

  showStorages() {
    this.folder.close();
    this.showHead(null, "");
    element("folder").hidden = true;
    element("storages").hidden = false;
    element("no-storages").hidden = this.storages.length > 0;
    this.cards.show(this.storages);
  }

  async showFolder(id, path) {
    const storage = this.storages.find((one) => one.id === id);
    element("storages").hidden = true;
    if (!storage) throw new Error("There is no such storage, or you may not use it. Choose one of the list.");
    this.showHead(storage, path);
    await this.folder.open(storage, path);
    element("folder").hidden = false;
  }

  showHead(storage, path) {
    const name = path ? displayName(lastPart(path)) : storage?.name || "Files";
    element("crumbs").hidden = !storage;
    this.crumbs.show(storage, path);
    setText(element("folder-title"), name);
    setText(element("folder-lead"), storage ? storageText(storage) : LEAD);
    document.title = `${name} · Files · JupyterHub`;
  }

  /** After a folder has been opened: to its first entry, so that the arrow keys go on. */
  takeFocus() {
    if (this.folder.isOpen && this.folder.total > 0) this.folder.table.focus();
    else element("folder-title").focus();
  }

  showFault(error) {
    element("fault").hidden = !error;
    setText(element("fault-text"), error ? error.message : "");
  }

  pressed(event) {
    const keys = { Backspace: () => this.goUp(), Escape: () => this.folder.table.clear() };
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  async goUp() {
    const { storage, path } = this.folder;
    if (!path) return this.go("", "");
    await this.go(storage.id, parentPath(path));
    return this.folder.table.moveTo(path);
  }
}

new FilesPage();
