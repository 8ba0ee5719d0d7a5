// What can be done with a card of the Software page.

import { CANCEL, openDialog } from "../dialogs.js";
import { h } from "../dom.js";
import { pending, toast } from "../ui.js";
import { checkUpdates, deleteFamily, deleteVersion, duplicateVersion, readVersion, setFavourite } from "./software_api.js";

const GOES_ON = "Tasks that run go on with what they were started with.";

export class CardActions {
  /**
   * `editor`: the dialog; `mayAdd`: whether the user may add software; `onChanged(family)`: the list is
   * another one, go to that one; `onUpdates(card, updates)`.
   */
  constructor({ editor, mayAdd, onChanged, onUpdates }) {
    this.editor = editor;
    this.mayAdd = mayAdd;
    this.onChanged = onChanged;
    this.onUpdates = onUpdates;
  }

  /** The entries of a card's menu, as `{label, run(control), danger}`. */
  menu(card) {
    const { editable, kind, owner, versions = [] } = card.family;
    if (kind === "native" || !versions.length) return [];
    const own = editable && this.mayAdd ? [{ label: "Add a version", run: (control) => this.addVersion(card, control) }] : [];
    const copy = this.mayAdd ? [{ label: "Duplicate", run: (control) => this.duplicate(card, control) }] : [];
    const remove = editable && (this.mayAdd || owner?.kind === "user") ? [{ label: "Delete…", danger: true, run: (control) => this.askToDelete(card, control) }] : [];
    return [...own, ...copy, { label: "Check for updates", run: (control) => this.update(card, control) }, ...remove];
  }

  edit(card, control) {
    return pending(control, async () => {
      const version = await readVersion(card.version.id);
      this.editor.edit(version, { logo: card.family.logo });
    });
  }

  addVersion(card, control) {
    return pending(control, async () => {
      const { entry, owner } = await readVersion(card.version.id);
      this.editor.add({ entry: { ...entry, image_tag: "", image_digest: null }, owner, title: `Add a version of ${card.family.name}`, logo: card.family.logo });
    });
  }

  duplicate(card, control) {
    return pending(control, async () => {
      const copy = await duplicateVersion(card.family.id, card.version);
      await this.onChanged(copy.family);
      const dropped = copy.dropped?.length ? ` It has not what only the administrator sets: ${copy.dropped.join(", ")}.` : "";
      toast(`This is your own copy.${dropped}`, "done");
      this.editor.edit(copy);
    });
  }

  star(card, control) {
    return pending(control, async () => {
      await setFavourite(card.family.id, !card.family.favourite);
      await this.onChanged(card.family.id);
    });
  }

  update(card, control) {
    return pending(control, async () => this.onUpdates(card, await checkUpdates(card.family.id)));
  }

  async askToDelete(card, control) {
    const { name, versions } = card.family;
    const { tag } = card.version;
    const several = versions.length > 1;
    const shared = card.family.owner?.kind === "group" ? ` It is deleted for all members of ${card.family.owner.name}.` : "";
    const all = { value: "all", label: several ? `Delete all ${versions.length} versions` : "Delete", kind: "danger" };
    const single = { value: "one", label: `Delete version ${tag}`, kind: "danger" };
    const answer = await openDialog({
      title: `Delete “${name}”?`,
      body: [h("p", {}, GOES_ON, shared)],
      buttons: [CANCEL, ...(several ? [single, all] : [all])],
    });
    if (!answer) return;
    // The revision is the one on the card: what the user has not seen is not deleted.
    const { id, revision } = card.version;
    await pending(control, () => (answer === "one" ? deleteVersion(id, revision) : deleteFamily(card.family.id)));
    await this.onChanged(answer === "all" ? "" : card.family.id);
  }
}
