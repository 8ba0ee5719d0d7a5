// The form of an entry: every key that is the user's, and a look-up that fills it in.

import { h } from "../dom.js";
import { Autofill } from "./autofill.js";
import { DEFAULTS, isSame, valueOf } from "./entries.js";
import { field, foldedSection, section, selectInput, textInput } from "./fields.js";
import { ImageFields } from "./image_fields.js";
import { InterfaceFields } from "./interface_fields.js";
import { LogoField } from "./logo_field.js";
import { Rows } from "./rows.js";
import { suggestValues } from "./suggestions.js";
import { joinCommand, splitCommand, splitKeywords } from "./words.js";

const MOST_VARIABLES = 100;
const MINE = "user:";

export class SoftwareForm {
  /** `access`: what the user may do, see `page.js`. */
  constructor(access) {
    this.access = access;
    this.name = textInput({ required: true, maxlength: "80", spellcheck: "true", autocapitalize: "sentences" });
    this.description = h("textarea", { class: "form-control", rows: "2", maxlength: "4000" });
    this.keywords = textInput({ maxlength: "400", placeholder: "astronomy, desktop" });
    this.owner = selectInput([[MINE, "Me alone"], ...access.groups.map((group) => [`group:${group}`, `The group ${group}`])]);
    this.logo = new LogoField();
    this.image = new ImageFields({ registries: access.registries, onFound: (image) => this.suggest(image) });
    this.interfaces = new InterfaceFields(access);
    this.autofill = new Autofill({ name: this.name, description: this.description, interface_port: this.interfaces.port });
    this.makeStartFields();
    this.element = h("div", { class: "software-form" }, this.image.element, this.makeCardFields(), this.interfaces.element, this.makeStartSection());
  }

  makeStartFields() {
    // Words of a command may have several lines, as in `python -c`.
    this.command = h("textarea", { class: "form-control", rows: "1", maxlength: "10000", spellcheck: "false", autocapitalize: "none" });
    this.command.addEventListener("input", () => {
      this.command.setCustomValidity(splitCommand(this.command.value) ? "" : "A quote is not closed.");
    });
    this.variables = new Rows({
      one: "a variable",
      most: MOST_VARIABLES,
      columns: [
        { key: "name", label: "Name", properties: { required: true, maxlength: "200", pattern: "[A-Za-z_][A-Za-z0-9_]*", title: "Letters, digits and underscores, not beginning with a digit" } },
        { key: "value", label: "Value", multiline: true, properties: { maxlength: "10000" } },
      ],
    });
  }

  makeCardFields() {
    const owner = field("For", this.owner, { hint: "Members of a group use, edit and delete what is the group's." });
    this.ownerBox = owner.box;
    owner.box.hidden = this.access.groups.length === 0;
    return section("Card",
      field("Name", this.name, { wide: true }).box,
      field("Description", this.description, { wide: true }).box,
      field("Keywords", this.keywords, { hint: "With commas between them." }).box,
      owner.box,
      this.logo.element);
  }

  makeStartSection() {
    this.started = foldedSection("Variables and command",
      h("p", { class: "form-text field-wide" }, "Variables are no place for passwords: whoever sees this entry sees them."),
      this.variables.element,
      field("Command", this.command, { hint: "Instead of the image's own. Quote what has spaces.", wide: true }).box);
    return this.started;
  }

  /** Shows an entry; `owner` as the API has it, `logo` the address of the card's. */
  show(entry, { owner = null, logo = "", isNew = false, isBuilt = false } = {}) {
    if (owner) this.owner.value = owner.kind === "group" ? `group:${owner.name}` : MINE;
    this.owner.disabled = !isNew;
    this.logo.show(logo);
    this.isNew = isNew;
    this.showEntry(entry);
    this.image.fix(isBuilt);
    const isDefault = entry.interface_port === undefined;
    this.autofill.start(isDefault ? { interface_port: String(DEFAULTS.interface_port) } : {});
    this.shown = this.read();
  }

  /** Shows the keys of an entry; the logo stays as it was chosen. */
  showEntry(entry) {
    this.entry = entry;
    const values = Object.fromEntries(Object.keys(DEFAULTS).map((key) => [key, valueOf(entry, key)]));
    this.name.value = values.name;
    this.description.value = values.description;
    this.keywords.value = values.keywords.join(", ");
    this.interfaces.show(values);
    this.variables.show(Object.entries(values.environment).map(([name, value]) => ({ name, value })));
    this.command.value = joinCommand(values.command);
    this.command.setCustomValidity("");
    this.started.open = values.command.length > 0 || Object.keys(values.environment).length > 0;
    this.image.show({ ...values, image_tag: entry.image_tag });
  }

  /** What has been left empty in an entry that exists is empty on purpose. */
  suggest(image) {
    this.command.placeholder = joinCommand([...(image.entrypoint || []), ...(image.command || [])]);
    if (this.isNew) this.autofill.fill(suggestValues(image));
  }

  /** The owner for a new entry. */
  readOwner() {
    const [kind, ...name] = this.owner.value.split(":");
    return kind === "group" ? { kind, name: name.join(":") } : { kind: "user", name: this.access.user };
  }

  /** The entry as it is written: keys that the form does not show stay, defaults are left out. */
  read() {
    const values = {
      name: this.name.value.trim(),
      description: this.description.value.trim(),
      keywords: splitKeywords(this.keywords.value),
      ...this.image.read(),
      ...this.interfaces.read(),
      environment: Object.fromEntries(this.variables.read().map(({ name, value }) => [name.trim(), value])),
      command: splitCommand(this.command.value) || [],
    };
    const rest = Object.entries(this.entry).filter(([key]) => !(key in DEFAULTS));
    const changed = Object.entries(values).filter(([key, value]) => !isSame(value, DEFAULTS[key]));
    return Object.fromEntries([...rest, ...changed]);
  }

  get isChanged() {
    return this.logo.isChanged || !isSame(this.read(), this.shown);
  }

  /** Says what is wrong at the field where it is; whether nothing is. */
  check() {
    this.image.takeReference();
    const names = this.variables.read().map(({ name }) => name.trim());
    const twice = names.find((name, index) => names.indexOf(name) < index);
    const controls = [...this.variables.list.querySelectorAll("[data-key=name]")];
    controls.forEach((control) => control.setCustomValidity(twice && control.value.trim() === twice ? "This variable is there twice." : ""));
    return this.element.closest("form").reportValidity();
  }

  close() {
    this.image.close();
  }
}
