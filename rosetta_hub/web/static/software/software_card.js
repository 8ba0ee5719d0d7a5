// A card of the Software page: one software with its versions, and what can be done with it.

import { h, icon, setMessage, setText, tile } from "../dom.js";
import { cardTags, placesOf, placesText, startLink, usesText } from "../software_cards.js";
import { button, copyButton, linkButton } from "../ui.js";
import { selectInput } from "./fields.js";
import { shortDigest } from "./references.js";

export class SoftwareCard {
  /** `hub`: the address of the hub; `actions`: what can be done, see `CardActions`; `chosen`: a tag. */
  constructor(family, { hub, actions, chosen: preset = "", updates = null }) {
    this.family = family;
    this.hub = hub;
    this.actions = actions;
    this.titleId = `software-${family.id}-title`;
    this.versions = family.versions || [];
    const standard = this.versions.find((version) => version.default) || this.versions[0];
    this.version = this.versions.find(({ tag }) => tag === preset) || standard;
    this.element = h("li", { class: "panel software-card", "data-card": family.id, "aria-labelledby": this.titleId });
    this.makeParts();
    this.element.append(this.makeHead(), ...this.makeBody(), this.makeActions());
    this.showVersion();
    if (updates) this.showUpdates(updates);
  }

  makeParts() {
    this.image = h("code", { class: "software-image" });
    this.places = h("p", { class: "software-places" });
    this.reasons = h("ul", { class: "software-reasons" });
    this.refusalText = h("span");
    this.refusal = h("p", { class: "software-refusal", hidden: true }, icon("alert"), this.refusalText);
    this.news = h("div", { class: "software-news", role: "status", hidden: true });
  }

  makeHead() {
    const { family } = this;
    const owner = ownerText(family.owner);
    return h("div", { class: "software-head" }, tile(family),
      h("div", { class: "software-title" },
        h("h3", { id: this.titleId, tabindex: "-1" }, family.name),
        owner ? h("span", { class: "faint" }, owner) : null),
      this.makeStar());
  }

  makeStar() {
    const { name, favourite } = this.family;
    return h("button", {
      type: "button", class: "btn btn-quiet software-star", "aria-pressed": String(Boolean(favourite)), "aria-label": `Favourite: ${name}`,
      title: favourite ? "Not a favourite any more" : "Make it a favourite",
      onclick: (event) => this.actions.star(this, event.currentTarget),
    }, icon(favourite ? "star" : "star-outline"));
  }

  makeBody() {
    const { family } = this;
    this.select = selectInput(this.versions.map(({ tag }) => [tag, tag]), { class: "form-select form-select-sm", "aria-label": `Version of ${family.name}` });
    if (this.version) this.select.value = this.version.tag;
    this.select.hidden = this.versions.length < 2;
    this.select.addEventListener("change", () => {
      this.version = this.versions.find(({ tag }) => tag === this.select.value);
      this.showVersion();
    });
    return [
      family.description ? h("p", { class: "software-description" }, family.description) : null,
      h("div", { class: "card-foot" }, ...cardTags(family)),
      this.versions.length ? h("div", { class: "software-version" }, this.select, this.image) : null,
      this.refusal, this.places, this.reasons,
      h("p", { class: "software-uses" }, usesText(family)), this.news,
    ].filter(Boolean);
  }

  makeActions() {
    const { family } = this;
    this.start = linkButton("Start", "play", "primary btn-sm", { "aria-label": `Start ${family.name}` });
    const edit = button("Edit", "edit", "outline-secondary btn-sm", () => this.actions.edit(this, edit));
    edit.setAttribute("aria-label", `Edit ${family.name}`);
    edit.hidden = !family.editable || !this.actions.mayAdd;
    const copy = copyButton("Copy link", () => new URL(this.startAddress({ start: "1" }), location.href).href);
    copy.setAttribute("aria-label", `Copy link that starts ${family.name}`);
    return h("div", { class: "actions software-actions" }, this.start, edit, copy, this.makeMenu());
  }

  makeMenu() {
    const { family, actions } = this;
    const entries = actions.menu(this);
    if (!entries.length) return "";
    const toggle = h("button", { type: "button", class: "btn btn-sm btn-outline-secondary dropdown-toggle", "data-bs-toggle": "dropdown", "aria-expanded": "false", "aria-label": `More for ${family.name}` }, "More");
    const items = entries.map(({ label, run, danger }) => h("li", {},
      h("button", { type: "button", class: `dropdown-item${danger ? " software-danger" : ""}`, onclick: (event) => {
        toggle.focus();
        run(event.currentTarget);
      } }, label)));
    return h("div", { class: "dropdown" }, toggle, h("ul", { class: "dropdown-menu" }, ...items));
  }

  startAddress(more = {}) {
    return startLink(this.hub, { software: this.family.id, version: this.version?.tag, ...more });
  }

  showVersion() {
    const { version } = this;
    this.start.href = this.startAddress();
    this.places.hidden = this.reasons.hidden = !version;
    if (!version) return;
    setText(this.image, [version.image, version.digest && !version.image?.includes("@") ? shortDigest(version.digest) : ""].filter(Boolean).join(" · "));
    this.start.hidden = Boolean(version.refused);
    this.refusal.hidden = !version.refused;
    setMessage(this.refusalText, version.refused || "");
    setText(this.places, placesText(version));
    const none = placesOf(version).filter(({ kind }) => kind === "none");
    this.reasons.replaceChildren(...none.map(({ name, text }) => h("li", {}, `Not on ${name}: ${text}`)));
    this.reasons.hidden = none.length === 0;
  }

  /** Says which tags lead to other images than those that were recorded. */
  showUpdates(updates) {
    const moved = updates.filter((update) => update.moved).map(({ version, present }) => `Tag ${version} has moved: it is ${shortDigest(present)} now.`);
    const problems = updates.filter((update) => update.problem).map(({ version, problem }) => `${version}: ${problem}`);
    const lines = [...moved, ...problems];
    this.news.hidden = false;
    this.news.replaceChildren(...(lines.length ? lines : ["No tag has moved."]).map((line) => h("p", {}, line)));
  }

  focus() {
    this.element.querySelector("h3").focus();
  }
}

/** Whose a card is, where the section that it stands in does not say it. */
function ownerText(owner) {
  return owner?.kind === "group" ? `Group ${owner.name}` : "";
}
