// The way from the list of storages to a folder, as links on which files can be dropped, too.

import { h } from "../dom.js";
import { pathSteps } from "./paths.js";

export class Breadcrumbs {
  /** `makeHref(storage id, path)` and `onOpen(storage id, path)`. */
  constructor(nav, { makeHref, onOpen }) {
    this.nav = nav;
    this.makeHref = makeHref;
    this.onOpen = onOpen;
  }

  show(storage, path) {
    const steps = pathSteps(path);
    const links = [this.makeLink("Files", "", "")];
    if (storage) links.push(this.makeLink(storage.name, storage.id, ""));
    links.push(...steps.map((step) => this.makeLink(step.name, storage.id, step.path)));
    links.at(-1).setAttribute("aria-current", "page");
    this.nav.replaceChildren(h("ol", { class: "crumbs-list" }, ...links.map((link) => h("li", {}, link))));
  }

  makeLink(text, storage, path) {
    const properties = { href: this.makeHref(storage, path), "data-storage": storage, "data-folder": path };
    return h("a", { ...properties, onclick: (event) => this.follow(event, storage, path) }, text);
  }

  follow(event, storage, path) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.onOpen(storage, path);
  }
}
