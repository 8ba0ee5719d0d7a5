// "Keys and mail": what users set for themselves.

import { apiUrl, call } from "./api.js";
import { element, setText } from "./dom.js";
import { IdentityCard } from "./identity_card.js";
import { RegistryAccounts } from "./registry_accounts.js";
import { pending } from "./ui.js";

const CHOICES = ["started", "failed", "limit"];

class MailForm {
  constructor(form) {
    this.form = form;
    this.address = element("mail-address");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    form.addEventListener("input", () => setText(element("mail-saved"), ""));
  }

  update(mail) {
    this.form.hidden = !mail.available;
    element("no-mail").hidden = mail.available;
    this.address.value = mail.address || "";
    for (const name of CHOICES) this.form.elements[name].checked = mail[name];
    element("mail-problem").hidden = !mail.problem;
    setText(element("mail-problem"), mail.problem || "");
  }

  save() {
    const wanted = { address: this.address.value.trim() || null };
    for (const name of CHOICES) wanted[name] = this.form.elements[name].checked;
    return pending(this.form.querySelector("[type=submit]"), async () => {
      this.update(await call("PUT", apiUrl("settings/mail"), wanted));
      setText(element("mail-saved"), wanted.address ? "Saved." : "Saved. You get no mails.");
    });
  }
}

function showIdentities(identities) {
  element("no-keys").hidden = identities.length > 0;
  const cards = identities.map((identity) => new IdentityCard(identity));
  element("identities").replaceChildren(...cards.map((card) => card.element));
  // A link may lead to one of them.
  const wanted = cards.find((card) => `#${card.element.id}` === decodeURIComponent(location.hash));
  wanted?.focus();
}

async function load() {
  try {
    const [{ mail, identities }, registries] = await Promise.all([
      call("GET", apiUrl("settings")), call("GET", apiUrl("registries")),
    ]);
    element("settings").hidden = false;
    new RegistryAccounts(element("registry")).update(registries);
    new MailForm(element("mail")).update(mail);
    showIdentities(identities);
  } catch (error) {
    element("interrupted").hidden = false;
    setText(element("interrupted"), error.message);
  }
  element("loading").hidden = true;
}

load();
