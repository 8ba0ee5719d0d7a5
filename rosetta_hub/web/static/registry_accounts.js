// The section "Registries" of "Keys and mail": accounts with which the user's images are pulled.

import { apiUrl, call } from "./api.js";
import { element, h, setText } from "./dom.js";
import { button, confirmDialog, pending } from "./ui.js";

const STATES = { untested: "Not tested", works: "Works", refused: "Refused" };
const MESSAGES = {
  untested: "Test whether the registry accepts it, or just start a task.",
  works: "The registry accepts it.",
};

class AccountCard {
  constructor(account, section) {
    this.section = section;
    this.host = account.host;
    this.url = apiUrl(`registries/${encodeURIComponent(account.host)}`);
    const titleId = `registry-${account.host}-title`;
    this.name = h("span", { class: "faint" });
    this.state = h("span", { class: "state" });
    this.message = h("p", { class: "identity-message", role: "status" });
    this.test = button("Test now", "play", "primary", () => this.tryOut());
    this.edit = button("Change", "edit", "outline-secondary", () => section.fill(this.account));
    this.remove = button("Delete", "trash", "outline-secondary", () => this.askToDelete());
    this.element = h("li", { class: "panel identity", "aria-labelledby": titleId },
      h("div", { class: "identity-head" },
        h("h3", { id: titleId, tabindex: "-1" }, account.host, " ", this.name), this.state),
      this.message, h("div", { class: "actions" }, this.test, this.edit, this.remove));
    this.update(account);
  }

  update(account) {
    this.account = account;
    this.element.dataset.state = this.state.dataset.state = account.state;
    this.state.replaceChildren(h("span", { class: "state-mark", "aria-hidden": "true" }), STATES[account.state]);
    setText(this.name, account.account);
    setText(this.message, account.message || MESSAGES[account.state]);
  }

  async tryOut() {
    const label = this.test.lastElementChild;
    setText(label, "Testing…");
    await pending(this.test, async () => this.update(await call("POST", `${this.url}/test`)));
    setText(label, "Test now");
    this.test.focus();
  }

  async askToDelete() {
    const sure = await confirmDialog({
      title: `Delete the account for ${this.host}?`,
      text: "The hub forgets its password. Tasks that run go on; others pull from there without it.",
      action: "Delete the account",
    });
    if (!sure) return;
    await pending(this.remove, async () => {
      await call("DELETE", this.url);
      this.section.forget(this);
    });
  }
}

export class RegistryAccounts {
  constructor(form) {
    this.form = form;
    this.cards = [];
    this.list = element("registry-accounts");
    this.host = element("registry-host");
    this.account = element("registry-account");
    this.password = element("registry-password");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    form.addEventListener("input", () => setText(element("registry-saved"), ""));
  }

  update({ accounts, site, hub }) {
    this.cards = accounts.map((account) => new AccountCard(account, this));
    this.show();
    const places = site.map((registry) => registry.host).join(", ");
    element("site-registries").hidden = !places;
    setText(element("site-registries"), `The hub has an account of its own for your images of ${places}.`);
    element("hub-registry").hidden = !hub;
    if (hub) this.showHub(hub);
  }

  showHub(hub) {
    const spaces = hub.spaces.map((space) => `${hub.host}/${space}/…`);
    element("hub-spaces").replaceChildren(...spaces.map((space) => h("li", {}, h("code", {}, space))));
    setText(element("hub-login"), `docker login ${hub.host} --username ${hub.user}`);
  }

  show() {
    this.list.replaceChildren(...this.cards.map((card) => card.element));
    this.list.hidden = this.cards.length === 0;
  }

  forget(card) {
    this.cards = this.cards.filter((each) => each !== card);
    this.show();
    this.host.focus();
  }

  fill(account) {
    this.host.value = account.host;
    this.account.value = account.account;
    this.password.value = "";
    this.password.focus();
  }

  save() {
    const host = this.host.value.trim();
    const body = { account: this.account.value.trim(), password: this.password.value };
    return pending(this.form.querySelector("[type=submit]"), async () => {
      const account = await call("PUT", apiUrl(`registries/${encodeURIComponent(host)}`), body);
      const known = this.cards.find((card) => card.host === account.host);
      if (known) known.update(account);
      else this.cards.push(new AccountCard(account, this));
      this.show();
      this.form.reset();
      setText(element("registry-saved"), `Stored for ${account.host}.`);
    });
  }
}
