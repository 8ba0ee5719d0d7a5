// The logo in the form: chosen from the user's files, shown, and sent once the entry is saved.

import { h, setText } from "../dom.js";
import { newId } from "../dialogs.js";
import { button } from "../ui.js";
import { deleteLogo, saveLogo } from "./software_api.js";

const TYPES = ["image/png", "image/jpeg", "image/webp", "image/svg+xml"];
const MOST_BYTES = 256 * 1024;

/** What is wrong with a file as a logo; empty where nothing is. */
function logoFault({ type, size }) {
  if (!TYPES.includes(type)) return "Choose a PNG, JPEG, WebP or SVG file.";
  return size > MOST_BYTES ? "Choose a file of at most 256 KB." : "";
}

export class LogoField {
  constructor() {
    const id = newId("logo");
    this.input = h("input", { class: "form-control", type: "file", id, accept: TYPES.join(","), "aria-describedby": `${id}-hint` });
    this.hint = h("p", { class: "form-text", id: `${id}-hint`, role: "status" });
    this.preview = h("span", { class: "tile", "aria-hidden": "true", hidden: true });
    this.remove = button("Remove the logo", "trash", "outline-secondary btn-sm", () => this.forget());
    this.element = h("div", { class: "field field-wide" },
      h("label", { class: "form-label", for: id }, "Logo"),
      h("div", { class: "logo-line" }, this.preview, this.input, this.remove), this.hint);
    this.input.addEventListener("change", () => this.chosen());
  }

  /** Shows the logo that a card has, an empty text for none. */
  show(logo) {
    this.stored = logo;
    this.removed = false;
    this.input.value = "";
    this.input.setCustomValidity("");
    this.showPicture(logo);
    setText(this.hint, "PNG, JPEG, WebP or SVG, at most 256 KB. Without one, the first letter is shown.");
  }

  get isChanged() {
    return this.removed || this.input.files.length > 0;
  }

  chosen() {
    const [file] = this.input.files;
    const fault = file ? logoFault(file) : "";
    this.input.setCustomValidity(fault);
    if (fault) setText(this.hint, fault);
    if (!file || fault) {
      this.showPicture("");
      return;
    }
    this.removed = false;
    const reader = new FileReader();
    reader.addEventListener("load", () => this.showPicture(String(reader.result)));
    reader.readAsDataURL(file);
  }

  forget() {
    this.input.value = "";
    this.input.setCustomValidity("");
    this.removed = Boolean(this.stored);
    this.showPicture("");
    this.input.focus();
  }

  showPicture(source) {
    this.preview.hidden = this.remove.hidden = !source;
    this.preview.replaceChildren(...(source ? [h("img", { src: source, alt: "" })] : []));
  }

  /** Sends what was chosen, for a software family, by its id. */
  async save(family) {
    const [file] = this.input.files;
    if (file) await saveLogo(family, file);
    else if (this.removed) await deleteLogo(family);
  }
}
