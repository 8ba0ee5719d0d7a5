// A file that is open: its preview, or the editor.

import { first, h, icon, setText } from "../dom.js";
import { bytes } from "../format.js";
import { confirmDialog } from "../ui.js";
import { FileEditor } from "./editor.js";
import { isEditable, isFile, modifiedText } from "./entries.js";
import { downloadUrl } from "./files_api.js";
import { makePreview } from "./previews.js";

export class Viewer {
  /** `onClose()` when the user closes it, `onStep(delta)` for the neighbours, `onSaved(entry)`. */
  constructor({ onClose, onStep, onSaved }) {
    this.onClose = onClose;
    this.onStep = onStep;
    this.onSaved = onSaved;
    const control = (label, iconName, run) => h("button", { type: "button", class: "btn btn-sm btn-outline-secondary", title: label, "aria-label": label, onclick: run }, icon(iconName));
    this.title = h("h2", { class: "viewer-title", id: "viewer-title", tabindex: "-1" });
    this.details = h("p", { class: "viewer-details" });
    this.download = h("a", { class: "btn btn-sm btn-outline-secondary", download: "" }, icon("download"), h("span", {}, "Download"));
    this.edit = h("button", { type: "button", class: "btn btn-sm btn-outline-secondary", onclick: () => this.startEditor() }, icon("edit"), h("span", {}, "Edit"));
    this.save = h("button", { type: "button", class: "btn btn-sm btn-primary", onclick: () => this.saveFile() }, icon("check"), h("span", {}, "Save"));
    this.steps = [control("Previous file", "back", () => this.onStep(-1)), control("Next file", "next", () => this.onStep(1))];
    // What is outside of an open dialog is neither seen nor read aloud.
    this.fault = h("p", { class: "viewer-fault", role: "alert", hidden: true });
    this.status = h("p", { class: "visually-hidden", role: "status" });
    this.body = h("div", { class: "viewer-body" });
    this.dialog = h("dialog", { class: "viewer", "aria-labelledby": "viewer-title" },
      h("header", { class: "viewer-head" },
        h("div", { class: "viewer-names" }, this.title, this.details),
        h("div", { class: "actions" }, ...this.steps, this.save, this.edit, this.download, control("Close", "close", () => this.close()))),
      this.fault, this.status, this.body);
    // Escape asks as the button does.
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.close();
    });
    this.dialog.addEventListener("keydown", (event) => this.pressed(event));
    first("main").append(this.dialog);
    window.addEventListener("beforeunload", (event) => {
      if (this.editor?.isChanged) event.preventDefault();
    });
  }

  get isOpen() {
    return this.dialog.open;
  }

  async show(storage, entry) {
    this.leave();
    this.storage = storage;
    this.entry = entry;
    this.showHead();
    this.body.replaceChildren(h("p", { class: "viewer-note" }, "…"));
    if (!this.dialog.open) this.dialog.showModal();
    this.title.focus();
    try {
      const preview = await makePreview(storage, entry);
      if (this.entry === entry && !this.editor) this.body.replaceChildren(preview);
    } catch (error) {
      if (this.entry === entry && !this.editor) this.showFault(error);
    }
  }

  showHead() {
    const { entry, editor } = this;
    const name = editor ? editor.name : entry.name;
    setText(this.title, `${name}${editor?.isChanged ? " •" : ""}`);
    this.title.setAttribute("aria-label", editor?.isChanged ? `${name}, not saved` : name);
    setText(this.details, isFile(entry) ? `${bytes(entry.size)} · ${modifiedText(entry)}` : "");
    this.download.hidden = !isFile(entry);
    this.download.href = downloadUrl(this.storage.id, editor?.path || entry.path);
    this.edit.hidden = Boolean(editor) || !isEditable(entry) || this.storage.read_only;
    this.save.hidden = !editor;
    this.save.disabled = !editor?.isChanged;
    for (const step of this.steps) step.hidden = Boolean(editor);
  }

  showFault(error) {
    this.body.replaceChildren(h("p", { class: "viewer-note", role: "alert" }, error.message));
  }

  /** Opens the editor for an entry that `show` has, or is given. */
  async startEditor(storage = this.storage, entry = this.entry) {
    this.leave();
    this.storage = storage;
    this.entry = entry;
    const editor = new FileEditor(storage, entry, {
      onState: () => this.editor === editor && this.showHead(),
      onSaved: (saved) => {
        this.entry = saved;
        setText(this.status, `${saved.name} saved.`);
        this.onSaved(saved);
      },
      run: (action) => this.run(action),
    });
    this.editor = editor;
    this.showHead();
    this.body.replaceChildren(editor.element);
    if (!this.dialog.open) this.dialog.showModal();
    try {
      await editor.load();
    } catch (error) {
      this.leave();
      this.showHead();
      this.showFault(error);
    }
  }

  saveFile() {
    return this.run(() => this.editor.save());
  }

  /** Runs an action of the editor; its error is told above the text, which stays. */
  async run(action) {
    this.tell("");
    setText(this.status, "");
    try {
      await action();
    } catch (error) {
      this.tell(error.message);
    }
  }

  tell(text) {
    this.fault.hidden = !text;
    setText(this.fault, text);
  }

  pressed(event) {
    if (event.key === "s" && (event.ctrlKey || event.metaKey) && this.editor && !event.defaultPrevented) {
      event.preventDefault();
      this.saveFile();
      return;
    }
    const isPlain = !this.editor && event.target === this.title;
    if (isPlain && event.key === "ArrowLeft") this.onStep(-1);
    if (isPlain && event.key === "ArrowRight") this.onStep(1);
  }

  /** Closes, after a question where something is not saved; true when it is closed. */
  async close() {
    if (this.editor?.isChanged) {
      const sure = await confirmDialog({ title: "Close without saving?", text: "What you have changed is lost.", action: "Close" });
      if (!sure) return false;
    }
    this.hide();
    this.onClose(this.entry);
    return true;
  }

  /** Closes without a question, as the back button does. */
  hide() {
    this.leave();
    this.dialog.close();
    this.body.replaceChildren();
  }

  leave() {
    this.tell("");
    this.editor?.close();
    this.editor = null;
  }
}
