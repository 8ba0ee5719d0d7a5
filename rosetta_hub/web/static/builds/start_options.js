// Where a start goes, and of which size: a choice among the user's computing resources.

import { apiUrl, call } from "../api.js";
import { element, h, setText } from "../dom.js";
import { Sizes } from "../sizes.js";

export class StartOptions {
  /** `preset` is what the link asks for: `{computing, size}`; `changed()` runs at each choice. */
  constructor(preset, changed) {
    this.wanted = preset;
    this.changed = changed;
    this.select = element("option-computing");
    this.sizes = new Sizes(element("sizes"));
    this.resources = [];
    this.places = null;
    this.touched = false;
    this.select.addEventListener("change", () => {
      this.touched = true;
      this.show();
    });
    document.addEventListener("visibilitychange", () => document.hidden || this.load());
  }

  /** Asks which resources the user has. Whoever comes back from another tab may have set up a key there. */
  async load() {
    const { computing } = await call("GET", apiUrl("computing"));
    this.resources = computing;
    this.offer();
  }

  /** Only these resources can start what is built; null: all can. */
  limit(places) {
    this.places = places;
    this.offer();
  }

  offer() {
    const wantedId = this.touched ? this.select.value : this.wanted.computing;
    const offered = this.resources.filter(({ id }) => !this.places || this.places.includes(id));
    this.select.replaceChildren(h("option", { value: "" }, "The first that fits"),
      ...offered.map(({ id, name }) => h("option", { value: id }, name)));
    const isOffered = offered.some(({ id }) => id === wantedId);
    this.select.value = isOffered ? wantedId : "";
    this.tellUnknown(wantedId && !isOffered);
    this.show();
  }

  get resource() {
    return this.resources.find(({ id }) => id === this.select.value);
  }

  /** What is chosen, as options of a task. */
  get options() {
    const size = /** @type {any} */ (element("sizes").querySelector("input:checked"));
    return { computing: this.select.value, size: size?.value ?? "" };
  }

  show() {
    const { resource } = this;
    setText(element("computing-description"), resource?.description || "");
    if (this.shown !== resource?.id) this.sizes.show(resource, this.wanted.size);
    this.shown = resource?.id;
    element("sizes").hidden = !resource?.sizes?.length;
    this.showIdentity(resource);
    this.changed();
  }

  /** Whether the user can't start there yet. */
  get held() {
    return !element("identity").hidden;
  }

  showIdentity(resource) {
    const missing = resource?.identity?.needed && !resource.identity.ready;
    element("identity").hidden = !missing;
    if (!missing) return;
    setText(element("identity-resource"), resource.name);
    element("identity").querySelector("a").href = resource.identity.url;
  }

  tellUnknown(unknown) {
    element("computing-unknown").hidden = !unknown;
    setText(element("computing-unknown-id"), unknown ? this.wanted.computing : "");
  }
}
