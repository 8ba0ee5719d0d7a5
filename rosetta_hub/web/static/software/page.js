// The Software page: what the user, the user's groups and the platform have, and a form to add more.

import { element, first, h, setText } from "../dom.js";
import { matchesQuery } from "../search.js";
import { searchText } from "../software_cards.js";
import { CardActions } from "./card_actions.js";
import { Editor } from "./editor.js";
import { listSoftware } from "./software_api.js";
import { SoftwareCard } from "./software_card.js";

const SECTIONS = ["user", "group", "platform"];

/** What the user may do, as the service has written it into the page. */
function readAccess() {
  const { user } = first("main").dataset;
  const { groups, registries, powerGroups, power, mayAdd } = element("software").dataset;
  return {
    user,
    groups: JSON.parse(groups),
    registries: JSON.parse(registries),
    powerGroups: JSON.parse(powerGroups),
    power: power === "true",
    mayAdd: mayAdd === "true",
  };
}

class SoftwarePage {
  constructor() {
    this.access = readAccess();
    this.hub = first("main").dataset.hub;
    /** @type {any[]} */
    this.families = [];
    this.tag = "";
    this.updates = new Map();
    /** @type {Map<string, SoftwareCard>} */
    this.cards = new Map();
    this.editor = new Editor(this.access, { onSaved: (version) => this.load(version.family, version.entry.image_tag ?? "latest") });
    this.actions = new CardActions({
      editor: this.editor,
      mayAdd: this.access.mayAdd,
      onChanged: (family) => this.load(family),
      onUpdates: (card, updates) => this.keepUpdates(card, updates),
    });
    element("add-software")?.addEventListener("click", () => this.editor.add());
    element("search").addEventListener("input", () => this.filter());
    element("fault-retry").addEventListener("click", () => this.load());
    element("clear-search").addEventListener("click", () => this.clearSearch());
    this.load();
  }

  /** Reads the list; goes to the card of a software family, and to one of its versions, where they are named. */
  async load(family = "", tag = "") {
    element("fault").hidden = true;
    try {
      this.families = await listSoftware();
      this.show(family, tag);
    } catch (error) {
      element("fault").hidden = false;
      setText(element("fault-text"), error.message);
    }
    element("loading").hidden = true;
  }

  show(focused, tag) {
    const tags = new Map([...this.cards].map(([id, card]) => [id, card.version?.tag]));
    if (tag) tags.set(focused, tag);
    this.cards = new Map(this.families.map((family) => [family.id, new SoftwareCard(family, {
      hub: this.hub, actions: this.actions, chosen: tags.get(family.id), updates: this.updates.get(family.id),
    })]));
    for (const kind of SECTIONS) {
      const own = this.families.filter((family) => (family.owner?.kind || "platform") === kind);
      element(`software-${kind}`).replaceChildren(...own.map(({ id }) => this.cards.get(id).element));
    }
    this.showChips();
    this.filter();
    this.cards.get(focused)?.focus();
  }

  showChips() {
    const tags = [...new Set(this.families.flatMap((family) => family.tags || []))].sort((tag, other) => tag.localeCompare(other));
    if (!tags.includes(this.tag)) this.tag = "";
    const chip = (label, tag) => h("button", { type: "button", class: "chip", "aria-pressed": String(tag === this.tag), onclick: () => this.chooseTag(tag) }, label);
    element("chips").replaceChildren(...(tags.length > 1 ? [chip("All", ""), ...tags.map((tag) => chip(tag, tag))] : []));
  }

  chooseTag(tag) {
    this.tag = tag;
    for (const chip of element("chips").children) chip.setAttribute("aria-pressed", String(chip.textContent === (tag || "All")));
    this.filter();
  }

  clearSearch() {
    element("search").value = "";
    this.chooseTag("");
    element("search").focus();
  }

  filter() {
    const query = element("search").value;
    const matches = this.families.filter((family) => matchesQuery(searchText(family), query) && (!this.tag || (family.tags || []).includes(this.tag)));
    const ids = new Set(matches.map(({ id }) => id));
    for (const [id, card] of this.cards) card.element.hidden = !ids.has(id);
    for (const kind of SECTIONS) this.showSection(kind, ids);
    const isFiltered = Boolean(query.trim() || this.tag);
    element("nothing-found").hidden = matches.length > 0 || !isFiltered;
    setText(element("found"), `${matches.length} of ${this.families.length} shown`);
  }

  showSection(kind, ids) {
    const own = this.families.filter((family) => (family.owner?.kind || "platform") === kind);
    const isEmpty = own.length === 0 && kind === "user" && this.access.mayAdd;
    element(`section-${kind}`).hidden = !isEmpty && !own.some(({ id }) => ids.has(id));
    if (kind === "user") element("no-own").hidden = !isEmpty;
  }

  keepUpdates(card, updates) {
    this.updates.set(card.family.id, updates);
    card.showUpdates(updates);
  }
}

new SoftwarePage();
