// The section "Registries": accounts with which the user's images are pulled.

import { apiUrl, call } from "../api.js";
import { first, h } from "../dom.js";
import { SaveLine, labelled, textField } from "./fields.js";
import { RegistryCard } from "./registry_card.js";

const HINT = `For private images. The password is kept encrypted, and sent to where your task starts just before its
  image is pulled. An access token that may only read is best.`;

class RegistryAccounts {
  constructor() {
    this.cards = [];
    this.list = h("ul", { class: "identities", id: "registry-accounts", hidden: true });
    this.host = textField({
      id: "registry-host", name: "host", required: true, maxlength: "255", autocomplete: "off", placeholder: "ghcr.io",
    });
    this.account = textField({
      id: "registry-account", name: "account", required: true, maxlength: "255", autocomplete: "off",
    });
    this.password = textField({
      id: "registry-password", type: "password", name: "password", required: true, maxlength: "16384",
      autocomplete: "new-password",
    });
    this.line = new SaveLine("Store account");
    this.form = h("form", { class: "panel account-form", id: "registry", "aria-labelledby": "registry-form-title" },
      h("h3", { id: "registry-form-title" }, "Add or change an account"),
      h("p", { class: "faint account-hint" }, HINT),
      ...labelled("Registry", this.host),
      ...labelled("Account", this.account),
      ...labelled("Password or access token", this.password),
      this.line.element);
    this.line.attach(this.form, () => this.save());
  }

  update(accounts) {
    this.cards = accounts.map((account) => new RegistryCard(account, this));
    this.show();
  }

  show() {
    this.list.replaceChildren(...this.cards.map((card) => card.element));
    this.list.hidden = this.cards.length === 0;
  }

  forget(card) {
    this.cards = this.cards.filter((other) => other !== card);
    this.show();
    this.host.focus();
  }

  fill(account) {
    this.host.value = account.host;
    this.account.value = account.account;
    this.password.value = "";
    this.password.focus();
  }

  async save() {
    const host = this.host.value.trim();
    const body = { account: this.account.value.trim(), password: this.password.value };
    const account = await call("PUT", apiUrl(`registries/${encodeURIComponent(host)}`), body);
    const card = this.cards.find((other) => other.host === account.host);
    if (card) card.update(account);
    else this.cards.push(new RegistryCard(account, this));
    this.show();
    this.form.reset();
    return `Stored for ${account.host}.`;
  }
}

function explainSite(site) {
  const places = site.map((registry) => registry.host).join(", ");
  const text = `The hub has an account of its own for your images of ${places}.`;
  return h("p", { class: "faint", id: "site-registries" }, text);
}

function explainHub(hub) {
  const tokens = `${first("[data-hub]").dataset.hub}token`;
  const login = `docker login ${hub.host} --username ${hub.user}`;
  const spaces = hub.spaces.map((space) => h("li", {}, h("code", {}, `${hub.host}/${space}/…`)));
  return h("div", { class: "panel hub-registry", id: "hub-registry" },
    h("h3", {}, "The hub's own registry"),
    h("p", {}, `Push images here, and start them as software. Log in with your user name, and a token of the hub as
      password:`),
    h("p", {}, h("code", { class: "connect-value", id: "hub-login" }, login)),
    h("p", {}, "Your spaces:"),
    h("ul", { id: "hub-spaces" }, ...spaces),
    h("p", { class: "faint" }, "Tokens are made under ", h("a", { href: tokens }, "Token"), ". Your tasks need none."));
}

export async function buildRegistries(root) {
  const { accounts, site, hub } = await call("GET", apiUrl("registries"));
  const section = new RegistryAccounts();
  section.update(accounts);
  if (site.length) root.append(explainSite(site));
  if (hub) root.append(explainHub(hub));
  root.append(section.list, section.form);
}
