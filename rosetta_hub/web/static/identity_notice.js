// What is said where a resource wants the user's own key, and there is none yet.

import { readMissingIdentity } from "./inventory.js";
import { holdStart } from "./start_button.js";

export class IdentityNotice {
  constructor(box) {
    this.box = box;
    this.resource = null;
  }

  /** Asks for this resource (null: none); true when its identity is missing. */
  async show(resource) {
    if (this.resource !== resource) this.say(null);
    this.resource = resource;
    if (resource?.auth_mode !== "user_keys") return this.say(null);
    const missing = await readMissingIdentity(resource.id);
    // Another resource may have been chosen meanwhile.
    return this.resource === resource && this.say(missing);
  }

  say(missing) {
    this.box.hidden = !missing;
    holdStart(this.box.id, Boolean(missing));
    if (!missing) return false;
    this.box.querySelector("[data-resource]").textContent = this.resource.name;
    this.box.querySelector("a").href = missing.url;
    return true;
  }
}
