// The file manager: the storages, and the folder that the address names.

import { element, first, setText } from "../dom.js";
import { FolderActions, showClipboard } from "./actions.js";
import { Breadcrumbs } from "./breadcrumbs.js";
import { Copies } from "./copies.js";
import { DragAndDrop } from "./drag.js";
import { isFolder } from "./entries.js";
import { askEntry, listStorages } from "./files_api.js";
import { FolderView } from "./folder_view.js";
import { displayName, lastPart, parentPath, readAddress } from "./paths.js";
import { SelectionBar } from "./selection_bar.js";
import { StorageCards, storageText } from "./storage_cards.js";
import { makeToolbar } from "./toolbar.js";
import { Tray } from "./tray.js";
import { Uploads } from "./uploads.js";
import { Viewer } from "./viewer.js";
import { toast } from "../ui.js";

const PREFIX = first("main").dataset.prefix;
// Milliseconds within which several arrivals are one change of the list.
const ARRIVALS = 400;
const LEAD = element("folder-lead").textContent;

class FilesPage {
  constructor() {
    const makeHref = (storage, path) => `${PREFIX}files/${storage ? `${storage}/${path}` : ""}`;
    this.makeHref = makeHref;
    /** @type {any[] | null} */
    this.storages = null;
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
    this.makeWork();
    element("fault-retry").addEventListener("click", () => this.route());
    window.addEventListener("popstate", () => this.route());
    this.route();
  }

  /** Uploads, copies, and what else changes something. */
  makeWork() {
    const getStorages = () => this.storages || [];
    const tray = new Tray();
    this.uploads = new Uploads(tray, { onDone: (storage, folder) => this.arrived(storage.id, folder) });
    this.copies = new Copies(tray, { getStorages, onDone: (copy) => this.arrived(copy.to.storage, copy.to.path) });
    this.actions = new FolderActions({
      view: this.folder,
      copies: this.copies,
      getStorages,
      onEdit: (entry) => this.viewer.startEditor(this.folder.storage, entry),
      onClipboard: () => this.showClipboard(),
    });
    this.selectionBar = new SelectionBar(element("selection-bar"), { actions: this.actions.list(), onClear: () => this.folder.table.clear() });
    makeToolbar(element("write-tools"), {
      onUpload: (files) => this.uploads.add(this.folder.storage, this.folder.path, files),
      onFolder: () => this.actions.makeFolder(),
      onFile: () => this.actions.makeFile(),
    });
    this.viewer = new Viewer({
      onClose: (entry) => this.closed(entry),
      onStep: (delta) => this.step(delta),
      onSaved: () => this.folder.changed(),
    });
    new DragAndDrop({
      view: this.folder,
      getStorages,
      onMove: (paths, storage, folder) => this.actions.transfer(this.folder.storage, paths, this.findStorage(storage), folder, true),
      onUpload: (storage, folder, reading) => this.uploadDropped(this.findStorage(storage), folder, reading),
    });
  }

  findStorage(id) {
    return this.storages?.find((storage) => storage.id === id);
  }

  async uploadDropped(storage, folder, reading) {
    if (storage.read_only) {
      toast(`${storage.name} is read-only. Choose another storage.`);
      return;
    }
    try {
      await this.uploads.add(storage, folder, await reading);
    } catch {
      toast("The browser can't read what was dropped. Choose the files with Upload instead.");
    }
  }

  /** Something new is in a folder, which may be the one that is open; many come at once. */
  arrived(storage, folder) {
    if (this.folder.storage?.id !== storage || this.folder.path !== folder) return;
    clearTimeout(this.arrivalTimer);
    this.arrivalTimer = setTimeout(() => this.folder.isOpen && this.folder.changed(), ARRIVALS);
  }

  showClipboard() {
    showClipboard(element("clipboard"), this.actions.clipboard, {
      canPaste: this.actions.isWritable,
      onPaste: () => this.actions.paste(),
      onForget: () => this.actions.forgetClipboard(),
    });
  }

  /** Opens a folder, with an address of its own that the back button knows. */
  go(storage, path) {
    history.pushState(null, "", this.makeHref(storage, path));
    return this.route({ focus: true });
  }

  openEntry(entry) {
    if (isFolder(entry)) this.go(this.folder.storage.id, entry.path);
    else this.openFile(entry);
  }

  /** Shows a file over its folder, with an address of its own. */
  openFile(entry) {
    const address = this.makeHref(this.folder.storage.id, entry.path);
    if (location.pathname !== address) history.pushState(null, "", address);
    this.viewer.show(this.folder.storage, entry);
  }

  /** After the viewer was closed: back to the folder, to the file that was open. */
  closed(entry) {
    history.replaceState(null, "", this.makeHref(this.folder.storage.id, this.folder.path));
    this.folder.table.moveTo(entry.path);
  }

  /** The file before or after the one that is shown. */
  step(delta) {
    const files = [...this.folder.table.entries.values()].filter((entry) => !isFolder(entry));
    const index = files.findIndex((entry) => entry.path === this.viewer.entry.path);
    const next = files[index + delta];
    if (next) this.openFile(next);
  }

  /** Shows what the address names. */
  async route({ focus = false } = {}) {
    const { storage, path } = readAddress(location.pathname, PREFIX);
    this.showFault(null);
    if (this.viewer.isOpen) this.viewer.hide();
    try {
      if (!this.storages) {
        this.storages = await listStorages();
        this.copies.load();
      }
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
    const storage = this.findStorage(id);
    element("storages").hidden = true;
    if (!storage) throw new Error("There is no such storage, or you may not use it. Choose one of the list.");
    const file = await this.openPath(storage, path);
    element("folder").hidden = false;
    element("write-tools").hidden = !this.actions.isWritable;
    this.showClipboard();
    if (file) this.viewer.show(storage, file);
  }

  /** Opens the folder; for the path of a file the one that it is in, and resolves to the file. */
  async openPath(storage, path) {
    this.showHead(storage, path);
    try {
      await this.folder.open(storage, path);
      return null;
    } catch (error) {
      if (error.data?.code !== "not_directory") throw error;
    }
    const file = await askEntry(storage.id, path);
    this.showHead(storage, parentPath(path));
    await this.folder.open(storage, parentPath(path));
    return file;
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
    const act = this.actions.forKey(event, this.folder.table.targets()) || keys[event.key];
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
