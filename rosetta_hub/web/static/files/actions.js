// What can be done with the open folder and with what is selected in it.

import { bytes } from "../format.js";
import { announce, h } from "../dom.js";
import { confirmDialog, toast } from "../ui.js";
import { askName } from "./dialogs.js";
import { downloadEntries } from "./downloads.js";
import { isFile, isFolder, plural } from "./entries.js";
import { askSummary, makeFolder, remove, rename, writeFile } from "./files_api.js";
import { pickFolder } from "./folder_picker.js";
import { copyEntries, moveEntries } from "./moves.js";
import { encodeName, joinPath, nameFault, parentPath } from "./paths.js";

export class FolderActions {
  /** `view`: the folder's; `copies` shows copies; `getStorages()` all of them; `onEdit(entry)` opens a file. */
  constructor({ view, copies, getStorages, onEdit, onClipboard }) {
    this.view = view;
    this.copies = copies;
    this.getStorages = getStorages;
    this.onEdit = onEdit;
    this.onClipboard = onClipboard;
    /** @type {{kind: "cut" | "copy", storage: any, paths: string[]} | null} */
    this.clipboard = null;
  }

  get storage() {
    return this.view.storage;
  }

  get isWritable() {
    return Boolean(this.storage) && !this.storage.read_only;
  }

  /** Runs an action; its error becomes a message. */
  async run(action) {
    try {
      return await action();
    } catch (error) {
      toast(error.message);
      return null;
    }
  }

  /** As `run`, with the list brought up to date afterwards; `action` resolves to the path to go to. */
  async change(action) {
    const { storage } = this;
    const path = await this.run(action);
    if (this.storage !== storage) return;
    await this.view.changed();
    if (path) this.view.table.moveTo(path);
  }

  async makeFolder() {
    const name = await askName({ title: "New folder", label: "Name", action: "Create", check: nameFault });
    if (name === null) return;
    await this.change(async () => (await makeFolder(this.storage.id, joinPath(this.view.path, encodeName(name)))).path);
  }

  async makeFile() {
    const name = await askName({ title: "New file", label: "Name", value: "untitled.txt", action: "Create", check: nameFault });
    if (name === null) return;
    let entry = null;
    await this.change(async () => {
      entry = await this.writeNew(name);
      return entry.path;
    });
    if (entry) this.onEdit(entry);
  }

  async writeNew(name) {
    try {
      return await writeFile(this.storage.id, joinPath(this.view.path, encodeName(name)), "", null);
    } catch (error) {
      if (error.status === 412) throw new Error(`“${name}” exists already. Choose another name.`);
      throw error;
    }
  }

  async rename(entry) {
    const name = await askName({ title: `Rename “${entry.name}”`, label: "New name", value: entry.name, action: "Rename", check: nameFault });
    if (name === null || name === entry.name) return;
    const target = joinPath(parentPath(entry.path), encodeName(name));
    await this.change(async () => (await rename(this.storage.id, entry.path, target)).path);
  }

  async remove(entries) {
    const paths = entries.map((entry) => entry.path);
    const { storage } = this;
    const summary = await this.run(() => askSummary(storage.id, paths));
    if (!summary) return;
    const sure = await confirmDialog({ title: `Delete ${titleOf(entries)}?`, text: removalText(summary), action: "Delete" });
    if (!sure) return;
    await this.change(async () => {
      await remove(storage.id, paths);
      announce(`Deleted ${titleOf(entries)}.`);
    });
  }

  download(entries) {
    return this.run(() => downloadEntries(this.storage, entries));
  }

  cut(entries) {
    this.keep("cut", entries);
  }

  copy(entries) {
    this.keep("copy", entries);
  }

  keep(kind, entries) {
    if (entries.length === 0) return;
    this.clipboard = { kind, storage: this.storage, paths: entries.map((entry) => entry.path) };
    announce(`${plural(entries.length, "entry", "entries")} ready to ${kind === "cut" ? "move" : "copy"}.`);
    this.onClipboard(this.clipboard);
  }

  forgetClipboard() {
    this.clipboard = null;
    this.onClipboard(null);
  }

  async paste() {
    const { clipboard } = this;
    if (!clipboard || !this.isWritable) return;
    if (clipboard.kind === "cut") this.forgetClipboard();
    const moves = clipboard.kind === "cut" && clipboard.storage.id === this.storage.id;
    await this.transfer(clipboard.storage, clipboard.paths, this.storage, this.view.path, moves);
  }

  /** Moves, where that is wanted and both are of one storage; copies otherwise. */
  async transfer(from, paths, to, folder, moves) {
    if (to.read_only) {
      toast(`${to.name} is read-only. Choose another storage.`);
      return;
    }
    if (!moves || from.id !== to.id) {
      await this.startCopy(from, paths, to, folder);
      return;
    }
    await this.change(async () => {
      const moved = await moveEntries(from, paths, folder);
      if (moved) announce(`${plural(moved, "entry", "entries")} moved.`);
    });
  }

  async startCopy(from, paths, to, folder) {
    const copy = await this.run(() => copyEntries(from, paths, to, folder));
    if (!copy) return;
    this.copies.show(copy);
    announce("The copy has started.");
  }

  async copyTo(entries) {
    const storages = this.getStorages().filter((storage) => !storage.read_only);
    if (storages.length === 0) {
      toast("All your storages are read-only: there is nothing to copy to.");
      return;
    }
    const other = storages.find((storage) => storage.id !== this.storage.id) || storages[0];
    const target = await pickFolder({ title: `Copy ${titleOf(entries)} to`, action: "Copy here", storages, storage: other, path: "" });
    if (target) await this.startCopy(this.storage, entries.map((entry) => entry.path), target.storage, target.path);
  }

  /** The actions of the selection, in their order. */
  list() {
    const canWrite = () => this.isWritable;
    const isDownload = (entries) => entries.every((entry) => isFile(entry) || isFolder(entry));
    return [
      { label: "Download", icon: "download", run: (entries) => this.download(entries), fits: isDownload },
      { label: "Rename", icon: "edit", run: ([entry]) => this.rename(entry), fits: (entries) => entries.length === 1 && canWrite() },
      { label: "Move", icon: "cut", run: (entries) => this.cut(entries), fits: canWrite },
      { label: "Copy to…", icon: "copy", run: (entries) => this.copyTo(entries), fits: () => true },
      { label: "Delete", icon: "trash", run: (entries) => this.remove(entries), fits: canWrite },
    ];
  }

  /** What a key does in the list; null where it does nothing. */
  forKey(event, entries) {
    const withControl = event.ctrlKey || event.metaKey;
    const keys = withControl
      ? { x: () => this.cut(entries), c: () => this.copy(entries), v: () => this.paste() }
      : { Delete: () => this.remove(entries), F2: () => entries.length === 1 && this.rename(entries[0]) };
    const act = keys[event.key];
    const reads = event.key === "c";
    return act && (reads || this.isWritable) && (entries.length > 0 || event.key === "v") ? act : null;
  }
}

function titleOf(entries) {
  return entries.length === 1 ? `“${entries[0].name}”` : plural(entries.length, "entry", "entries");
}

function removalText({ files, folders, bytes: size }) {
  const what = [folders ? plural(folders, "folder") : "", files ? plural(files, "file") : ""].filter(Boolean).join(" and ");
  return `This deletes ${what || "nothing"}${files ? `, ${bytes(size)}` : ""}. It can't be undone.`;
}

/** A bar that says what is to be moved or copied, and where that is done. */
export function showClipboard(bar, clipboard, { canPaste, onPaste, onForget }) {
  bar.hidden = !clipboard;
  if (!clipboard) return;
  const verb = clipboard.kind === "cut" ? "Move" : "Copy";
  const text = `${plural(clipboard.paths.length, "entry", "entries")} of ${clipboard.storage.name}: open the folder where they should go.`;
  const paste = h("button", { type: "button", class: "btn btn-sm btn-primary", disabled: !canPaste, onclick: onPaste }, `${verb} here`);
  const forget = h("button", { type: "button", class: "btn btn-sm btn-quiet", onclick: onForget }, "Cancel");
  bar.replaceChildren(h("span", { class: "files-bar-text" }, text), paste, forget);
}
