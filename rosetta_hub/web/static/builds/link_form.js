// The form that makes a link to a repository: the link, its badge, and the page that the link leads to.

import { apiUrl, call } from "../api.js";
import { element, first, h, setText } from "../dom.js";
import { copyButton } from "../ui.js";
import { badges, linkPath, readAddress } from "./link_text.js";

const main = first("main");
const prefix = main.dataset.prefix;
const adds = main.dataset.adds !== undefined;

class LinkForm {
  constructor(form, providers) {
    this.form = form;
    this.providers = providers;
    this.resources = [];
    form.addEventListener("input", () => this.update());
    form.addEventListener("change", () => this.update());
    form.elements.repository.addEventListener("change", () => this.readPasted());
    form.addEventListener("submit", (event) => this.open(event));
    for (const box of document.querySelectorAll("[data-copy]")) this.addCopyButton(box);
    this.update();
    if (!adds) this.loadComputing();
  }

  addCopyButton(box) {
    const { copy, label } = /** @type {HTMLElement} */ (box).dataset;
    const control = copyButton("Copy", () => element(copy).value);
    control.setAttribute("aria-label", label);
    box.append(control);
  }

  get provider() {
    return this.providers.find(({ id }) => id === this.form.elements.provider.value);
  }

  get fields() {
    const value = (name) => this.form.elements[name]?.value ?? "";
    return {
      repository: value("repository"),
      ref: value("ref"),
      pathKind: value("pathKind"),
      path: value("path"),
      computing: value("computing"),
      size: value("size"),
    };
  }

  /** Whoever pastes the address of a page at a provider means its repository. */
  readPasted() {
    const link = readAddress(this.form.elements.repository.value, this.providers);
    if (!link) return;
    const { provider, repository, ref, path } = this.form.elements;
    provider.value = link.provider;
    repository.value = link.repository;
    if (link.ref) ref.value = link.ref;
    if (link.path) path.value = link.path;
    this.update();
  }

  update() {
    const { provider, fields } = this;
    setText(element("repository-label"), provider.repositoryLabel);
    this.form.elements.repository.placeholder = provider.example;
    element("ref-field").hidden = !provider.hasRef;
    if (adds) return;
    this.showSizes(fields.computing);
    this.showLink(linkPath(provider, this.fields));
  }

  showLink(path) {
    const text = `${location.origin}${prefix}v2/${path}`;
    const image = `${location.origin}${prefix}static/badge.svg`;
    const languages = badges(text, image);
    element("link").value = path ? text : "";
    for (const language of ["markdown", "rst", "html"]) element(language).value = path ? languages[language] : "";
    element("share").hidden = !path;
  }

  async loadComputing() {
    try {
      this.resources = (await call("GET", apiUrl("computing"))).computing;
    } catch {
      // The link is as good without: whoever opens it chooses.
      return;
    }
    this.form.elements.computing.append(...this.resources.map(({ id, name }) => h("option", { value: id }, name)));
  }

  showSizes(computing) {
    if (this.shown === computing) return;
    this.shown = computing;
    const sizes = this.resources.find(({ id }) => id === computing)?.sizes || [];
    const [open] = this.form.elements.size.children;
    this.form.elements.size.replaceChildren(open, ...sizes.map(({ name, label }) => h("option", { value: name }, label || name)));
    element("size-field").hidden = sizes.length === 0;
  }

  open(event) {
    event.preventDefault();
    this.readPasted();
    const path = linkPath(this.provider, this.fields);
    if (path) location.assign(`${prefix}v2/${path}${adds ? `${path.includes("?") ? "&" : "?"}add` : ""}`);
  }
}

new LinkForm(element("link-form"), JSON.parse(main.dataset.providers));
