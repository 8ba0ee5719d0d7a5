// The dialog in which an entry is added or edited.

import { newId } from "../dialogs.js";
import { h, setMessage } from "../dom.js";
import { button, confirmDialog, toast } from "../ui.js";
import { makeConflict } from "./conflict.js";
import { isSame, mergeEntries, valueOf } from "./entries.js";
import { addVersion, saveVersion } from "./software_api.js";
import { SoftwareForm } from "./software_form.js";

const IMAGE_KEYS = ["registry", "image_name", "image_tag"];

export class Editor {
  /** `access`: what the user may do; `onSaved(version)`: the list is another one now. */
  constructor(access, { onSaved }) {
    this.access = access;
    this.onSaved = onSaved;
  }

  /** A new entry; with `entry` and `owner` a new version, which begins like another one. */
  add({ entry = {}, owner = null, title = "Add software", logo = "" } = {}) {
    this.version = null;
    this.open(title, entry, { owner, logo, isNew: true });
  }

  /** Another edit of a version, as the API has it. */
  edit(version, { logo = "" } = {}) {
    this.version = version;
    this.open(`Edit ${version.entry.name}`, version.entry, { owner: version.owner, logo, isBuilt: Boolean(version.build) });
  }

  open(title, entry, options) {
    const id = newId("editor-title");
    this.form = new SoftwareForm(this.access);
    this.conflict = h("div");
    this.fault = h("p", { class: "dialog-fault", role: "alert", hidden: true });
    this.save = button(this.version ? "Save" : "Add", "check", "primary", () => {});
    this.save.type = "submit";
    const cancel = h("button", { type: "button", class: "btn btn-outline-secondary", onclick: () => this.askToClose() }, "Cancel");
    const form = h("form", { novalidate: true },
      h("h2", { id, tabindex: "-1" }, title), this.conflict, this.form.element,
      h("div", { class: "software-foot" }, this.fault, h("div", { class: "actions" }, cancel, this.save)));
    this.dialog = h("dialog", { class: "dialog software-dialog", "aria-labelledby": id }, form);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.askToClose();
    });
    document.body.append(this.dialog);
    this.form.show(entry, options);
    this.dialog.showModal();
    this.form.image.name.focus();
  }

  async askToClose() {
    if (this.form.isChanged) {
      const sure = await confirmDialog({ title: "Discard what you have written?", text: "It has not been saved.", action: "Discard" });
      if (!sure) return;
    }
    this.close();
  }

  close() {
    this.form.close();
    this.dialog.close();
    this.dialog.remove();
  }

  async submit() {
    if (this.save.disabled || !this.form.check()) return;
    this.save.disabled = true;
    this.fault.hidden = true;
    try {
      await this.send();
    } catch (error) {
      if (error.status === 412 && error.data?.version) this.showNewer(error);
      else this.tell(error.message);
    } finally {
      this.save.disabled = false;
    }
  }

  async send() {
    const entry = this.form.read();
    const { version } = this;
    const digest = this.readDigest(entry);
    const saved = version
      ? await saveVersion(version.id, version.revision, { ...entry, digest })
      : await addVersion({ ...entry, digest, owner: this.form.readOwner() });
    try {
      await this.form.logo.save(saved.family);
    } catch (error) {
      // The entry is saved: only its picture is missing.
      toast(`The logo was not saved. ${error.message}`);
    }
    this.close();
    this.onSaved(saved);
  }

  /** What the tag was when it was looked up first: later look-ups tell whether it has moved. */
  readDigest(entry) {
    const isSameImage = this.version?.digest && IMAGE_KEYS.every((key) => isSame(valueOf(entry, key), valueOf(this.version.entry, key)));
    return isSameImage ? this.version.digest : this.form.image.digestFound;
  }

  /** Somebody was faster: both edits become one, and what differs stands beside it. */
  showNewer(error) {
    const present = error.data.version;
    const { merged, conflicts } = mergeEntries(this.version.entry, this.form.read(), present.entry);
    this.version = present;
    this.form.showEntry(merged);
    const box = makeConflict({
      message: error.message,
      keys: conflicts,
      theirs: present.entry,
      onTake: (key) => this.form.showEntry({ ...this.form.read(), [key]: valueOf(present.entry, key) }),
    });
    this.conflict.replaceChildren(box);
    box.focus();
  }

  tell(message) {
    this.fault.hidden = false;
    setMessage(this.fault, message);
  }
}
