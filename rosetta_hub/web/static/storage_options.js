// Which directories a task gets: the user's storages, and directories of the resource beside them.

import { element, h, requestLink, setText } from "./dom.js";
import { ExtraBinds } from "./extra_binds.js";
import { storageText } from "./format.js";

export class StorageOptions {
  /** `options` is what a link or a form that was refused has asked for, by field name. */
  constructor(options) {
    this.leftOut = new Set(splitText(options.get("without_storages")));
    this.binds = new ExtraBinds(element("extra-binds"), splitText(options.get("binds")));
  }

  /** Shows those of a resource as the catalogue describes it; null for none. */
  show(resource) {
    this.storages = resource?.storages || [];
    const section = element("storages");
    const denied = resource?.denied_storages || [];
    section.hidden = section.disabled = !(this.storages.length || denied.length);
    const choices = this.storages.map((storage) => this.choice(storage));
    element("storage-list").replaceChildren(...choices, ...denied.map(deniedStorage));
    this.binds.show(resource);
    this.update();
  }

  choice(storage) {
    const box = h("input", { type: "checkbox", class: "form-check-input", checked: !this.leftOut.has(storage.id) });
    box.addEventListener("change", () => {
      if (box.checked) this.leftOut.delete(storage.id);
      else this.leftOut.add(storage.id);
      this.update();
    });
    return h("li", {},
      h("label", { class: "storage-choice" }, box, h("span", {}, storageText(storage))),
      storage.description ? h("p", { class: "form-text" }, storage.description) : null);
  }

  update() {
    const without = this.storages.filter(({ id }) => this.leftOut.has(id));
    const field = element("option-without-storages");
    field.value = without.map(({ id }) => id).join(",");
    field.disabled = !without.length;
    const hasHome = this.storages.some(({ home }) => home);
    const isWithoutHome = hasHome && without.some(({ home }) => home);
    setText(element("storages-hint"), isWithoutHome ? "The task begins with an empty home directory." : "");
    const hasSome = this.storages.length > without.length;
    setText(element("disclaimer-text"), hasSome
      ? "Files outside of the storages are lost when the task ends."
      : "Files that are not saved in a persistent storage are lost when the task ends.");
  }
}

/** A storage that is not the user's, with the reason. */
function deniedStorage({ name, reason, request }) {
  return h("li", { class: "form-text" }, `${name}: ${reason} `, requestLink(request));
}

function splitText(text) {
  return (text || "").split(",").map((part) => part.trim()).filter(Boolean);
}
