// One computing resource on "Account": the account there, the key for it, and whether it works.

import { apiUrl, call } from "../api.js";
import { h, setText } from "../dom.js";
import { button, confirmDialog, copyButton, pending } from "../ui.js";
import { importKey } from "./key_import.js";

const STATES = { missing: "Not set up", untested: "Not tested", works: "Works", refused: "Refused" };
// As the service wants it; it says so in a message where this is not known.
const USER_NAME = "[A-Za-z_][A-Za-z0-9_.\\-]{0,31}\\$?";

export class IdentityCard {
  constructor(identity) {
    this.url = apiUrl(`account/identities/${encodeURIComponent(identity.computing)}`);
    this.titleId = `identity-${identity.computing}-title`;
    this.state = h("span", { class: "state" });
    this.message = h("p", { class: "identity-message", role: "status" });
    this.makeAccount(identity);
    this.makeKey(identity);
    this.test = button("Test now", "play", "primary", () => this.tryOut());
    this.renew = button("New key", "again", "outline-secondary", () => this.askForNewKey());
    this.bring = button("Import a key", "upload", "outline-secondary", () => this.askForKey());
    this.remove = button("Delete key", "trash", "outline-secondary", () => this.askToDelete());
    this.actions = h("div", { class: "actions" }, this.test, this.renew, this.bring, this.remove);
    this.element = h("li", { class: "panel identity", id: `key-${identity.computing}`, "aria-labelledby": this.titleId },
      this.makeHead(identity), this.account, this.message, this.key, this.actions);
    this.update(identity);
  }

  makeHead(identity) {
    const host = h("span", { class: "faint" }, identity.host === identity.name ? "" : identity.host);
    return h("div", { class: "identity-head" },
      h("h3", { id: this.titleId, tabindex: "-1" }, identity.name, " ", host), this.state);
  }

  makeAccount(identity) {
    const id = `identity-${identity.computing}-user`;
    this.user = h("input", {
      class: "form-control", id, required: true, maxlength: "33", pattern: USER_NAME, autocomplete: "off",
      autocapitalize: "none", spellcheck: "false", title: "Letters, digits, '_', '.' and '-'", readonly: identity.fixed,
    });
    // Before the browser compares it with the pattern.
    this.user.addEventListener("change", () => { this.user.value = this.user.value.trim(); });
    this.save = h("button", { class: "btn btn-outline-secondary", type: "submit", hidden: identity.fixed }, "Save");
    this.account = h("form", { class: "identity-user" },
      h("label", { class: "form-label", for: id }, `Your user name on ${identity.name}`), this.user, this.save);
    this.account.addEventListener("submit", (event) => {
      event.preventDefault();
      this.change(this.save, "PUT", "", { remote_user: this.user.value.trim() });
    });
  }

  makeKey(identity) {
    this.paste = h("code", { class: "connect-value" });
    this.bare = h("code", { class: "connect-value" });
    const more = h("details", {}, h("summary", {}, "The site takes a key alone, without options"),
      keyLine("The key", this.bare, `Copy the key for ${identity.name}`));
    this.key = h("div", { class: "connect" },
      keyLine(`Line for ~/.ssh/authorized_keys on ${identity.name}`, this.paste, `Copy the line for ${identity.name}`), more);
  }

  update(identity) {
    this.identity = identity;
    const missing = identity.state === "missing";
    this.element.dataset.state = this.state.dataset.state = identity.state;
    this.state.replaceChildren(h("span", { class: "state-mark", "aria-hidden": "true" }), STATES[identity.state]);
    setText(this.message, identity.message);
    this.user.value = identity.remote_user || "";
    setText(this.save, missing ? "Make a key" : "Save");
    setText(this.paste, identity.paste || "");
    setText(this.bare, identity.public_key || "");
    this.key.hidden = !identity.paste;
    this.actions.hidden = missing;
    this.renew.hidden = this.bring.hidden = this.remove.hidden = !identity.paste;
  }

  focus() {
    this.element.querySelector("h3").focus();
  }

  change(element, method, path, body) {
    return pending(element, async () => this.update(await call(method, this.url + path, body)));
  }

  async tryOut() {
    const label = this.test.lastElementChild;
    setText(label, "Testing…");
    await this.change(this.test, "POST", "/test");
    setText(label, "Test now");
    this.test.focus();
  }

  async askForNewKey() {
    const { name } = this.identity;
    const sure = await confirmDialog({
      title: `Make a new key for ${name}?`,
      text: `The hub forgets the present one at once. Until the new line is in ~/.ssh/authorized_keys on ${name},
        your tasks there go on, but can't be reached or stopped from here.`,
      action: "Make a new key",
    });
    if (sure) await this.change(this.renew, "POST", "/renew");
  }

  async askForKey() {
    const view = await importKey(this.identity.name, (key) => call("PUT", `${this.url}/key`, key));
    if (view) this.update(view);
    this.bring.focus();
  }

  async askToDelete() {
    const { name } = this.identity;
    const sure = await confirmDialog({
      title: `Delete the key for ${name}?`,
      text: `The hub deletes its private key. Remove the line from ~/.ssh/authorized_keys on ${name}, too.`,
      action: "Delete the key",
    });
    if (!sure) return;
    await this.change(this.remove, "DELETE", "");
    this.focus();
  }
}

function keyLine(label, value, copyLabel) {
  const copy = copyButton("Copy", () => value.textContent);
  copy.setAttribute("aria-label", copyLabel);
  return h("div", { class: "connect-line" },
    h("span", { class: "connect-label" }, label), value, h("span", { class: "connect-tools" }, copy));
}
