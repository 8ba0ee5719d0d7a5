// The editor of a small text file: what is saved replaces the version that was opened, and no other.

import { readBytes } from "../api.js";
import { h, setText } from "../dom.js";
import { loadBundled } from "./bundled.js";
import { openDialog } from "../dialogs.js";
import { askName } from "./dialogs.js";
import { askEntry, fileUrl, writeFile } from "./files_api.js";
import { displayName, encodeName, joinPath, lastPart, nameFault, parentPath } from "./paths.js";

const LOOK = 5000;

export class FileEditor {
  /** `onState()` after each change of what is saved; `onSaved(entry)`; `run(action)` tells its errors. */
  constructor(storage, entry, { onState, onSaved, run }) {
    this.storage = storage;
    this.path = entry.path;
    this.onState = onState;
    this.onSaved = onSaved;
    this.run = run;
    this.isChanged = false;
    this.box = h("div", { class: "editor-box" });
    this.changed = h("div", { class: "editor-changed", role: "alert", hidden: true },
      h("span", {}, "This file has been changed by somebody else, or by a task."),
      h("button", { type: "button", class: "btn btn-sm btn-outline-secondary", onclick: () => run(() => this.reload()) }, "Show the new version"));
    this.element = h("div", { class: "editor" }, this.changed, this.box);
  }

  get name() {
    return displayName(lastPart(this.path));
  }

  /** Loads text and editor; throws where the file can't be edited. */
  async load() {
    const [{ bytes, etag }, { createEditor }] = await Promise.all([readBytes(fileUrl(this.storage.id, this.path)), loadBundled("editor")]);
    const text = decodeText(bytes);
    this.etag = etag;
    this.isChanged = false;
    this.changed.hidden = true;
    const parent = h("div", { class: "editor-host" });
    this.box.replaceChildren(parent);
    this.view = createEditor(parent, {
      text,
      name: this.name,
      label: `Text of ${this.name}`,
      lineSeparator: lineSeparatorOf(text),
      isReadOnly: this.storage.read_only,
      onChange: () => this.touch(true),
      onSave: () => this.run(() => this.save()),
    });
    clearInterval(this.timer);
    this.timer = setInterval(() => this.look(), LOOK);
    this.view.focus();
    this.onState();
  }

  close() {
    clearInterval(this.timer);
    this.view?.destroy();
  }

  touch(isChanged) {
    if (this.isChanged === isChanged) return;
    this.isChanged = isChanged;
    this.onState();
  }

  /** Saves; resolves to whether it worked. Throws what the API says, but for a conflict. */
  async save() {
    if (this.saving || !this.view) return false;
    this.saving = true;
    const text = this.view.state.sliceDoc();
    try {
      await this.write(this.path, text, this.etag);
      return true;
    } catch (error) {
      if (error.status !== 412) throw error;
      return await this.settle(text);
    } finally {
      this.saving = false;
    }
  }

  async write(path, text, etag) {
    const entry = await writeFile(this.storage.id, path, text, etag);
    this.path = path;
    this.etag = entry.etag;
    this.changed.hidden = true;
    // Somebody may have written on meanwhile.
    this.touch(this.view.state.sliceDoc() !== text);
    this.onSaved(entry);
    this.onState();
  }

  /** The file is another one by now: what to do is the user's choice. */
  async settle(text) {
    const choice = await openDialog({
      title: `“${this.name}” has changed meanwhile`,
      body: [h("p", {}, "Somebody else, or a task, has written to this file since you opened it.")],
      buttons: [
        { value: "as", label: "Save as…", kind: "primary" },
        { value: "overwrite", label: "Overwrite", kind: "danger" },
        { value: "reload", label: "Discard mine, reload", kind: "outline-secondary" },
        { value: "", label: "Cancel", kind: "outline-secondary" },
      ],
    });
    if (choice === "reload") await this.load();
    if (choice === "overwrite") await this.overwrite(text);
    if (choice === "as") return this.saveAs(text);
    return Boolean(choice);
  }

  async overwrite(text) {
    const etag = await askEntry(this.storage.id, this.path).then((entry) => entry.etag, () => null);
    await this.write(this.path, text, etag);
  }

  async saveAs(text = this.view.state.sliceDoc()) {
    const name = await askName({ title: "Save as", label: "Name", value: this.name, action: "Save", check: nameFault });
    if (name === null) return false;
    try {
      await this.write(joinPath(parentPath(this.path), encodeName(name)), text, null);
    } catch (error) {
      if (error.status === 412) throw new Error(`“${name}” exists already. Choose another name.`);
      throw error;
    }
    return true;
  }

  async reload() {
    if (this.isChanged) {
      const sure = await openDialog({
        title: "Discard what you have changed?",
        buttons: [
          { value: "yes", label: "Discard", kind: "danger" },
          { value: "", label: "Cancel", kind: "outline-secondary" },
        ],
      });
      if (!sure) return;
    }
    await this.load();
  }

  /** Whether the file is still the one that was opened. */
  async look() {
    if (document.hidden || this.saving) return;
    const { etag, path } = this;
    try {
      const entry = await askEntry(this.storage.id, path);
      if (this.etag === etag && this.path === path) this.changed.hidden = entry.etag === etag;
    } catch (error) {
      if (error.status === 404) {
        this.changed.hidden = false;
        setText(this.changed.firstElementChild, "This file has been deleted or renamed. Saving makes it anew.");
      }
    }
  }
}

function decodeText(bytes) {
  try {
    // A byte order mark stays what it is.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error("This file is not text in UTF-8, so it can't be edited here. Download it instead.");
  }
}

/** The line ends of a text, so that saving changes no line that nobody has touched. */
function lineSeparatorOf(text) {
  const ends = text.match(/\r?\n/g) || [];
  return ends.length > 0 && ends.every((end) => end === "\r\n") ? "\r\n" : "\n";
}
