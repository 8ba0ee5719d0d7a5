// The section "Logins": the ways in which the user logs in, and accounts that were merged.

import { apiUrl, call } from "../api.js";
import { h } from "../dom.js";
import { ago, moment } from "../format.js";
import { button, confirmDialog, linkButton, pending } from "../ui.js";

class Logins {
  constructor(root) {
    this.list = h("ul", { class: "identities", id: "logins-list" });
    this.add = linkButton("Add a login", "plus", "primary", { id: "add-login" });
    root.append(this.list, h("p", { class: "account-save" }, this.add));
  }

  async load() {
    const { logins, merged, add_url: addUrl } = await call("GET", apiUrl("account/logins"));
    this.add.href = addUrl;
    const present = logins.filter((login) => !login.removed);
    this.list.replaceChildren(
      ...present.map((login) => this.present(login, present.length > 1)),
      ...logins.filter((login) => login.removed).map((login) => this.removed(login)),
      ...merged.map((user) => this.merged(user)));
  }

  present(login, isRemovable) {
    const remove = action("Remove", login.title, "trash", () => this.remove(login));
    const who = [login.name, login.email].filter(Boolean).join(", ");
    const used = h("span", { class: "faint", title: moment(login.last_used) }, `used ${ago(login.last_used)}`);
    return item(login.title, [h("p", {}, who, who ? " · " : "", used)], isRemovable ? [remove] : []);
  }

  removed(login) {
    const restore = action("Put back", login.title, "again", async () => {
      await call("POST", apiUrl(`account/logins/${login.id}`));
      await this.load();
    });
    return item(login.title, [h("p", { class: "faint" }, `Removed ${ago(login.removed)}. It does not lead to this account.`)], [restore]);
  }

  merged(user) {
    const separate = action("Separate", user, "again", async () => {
      await call("DELETE", apiUrl(`account/merged/${encodeURIComponent(user)}`));
      await this.load();
    });
    return item(`Account ${user}`, [h("p", { class: "faint" }, "Its logins lead here. Its tasks and files stay with it.")], [separate]);
  }

  async remove(login) {
    const text = `You can't log in with ${login.title} any more. You can put it back here.`;
    if (!(await confirmDialog({ title: "Remove this login?", text, action: "Remove" }))) return;
    await call("DELETE", apiUrl(`account/logins/${login.id}`));
    await this.load();
  }
}

/** A button that says to whom it does something, for those who don't see where it is. */
function action(label, whom, iconName, run) {
  const control = button(label, iconName, "outline-secondary", () => pending(control, run));
  control.setAttribute("aria-label", `${label} ${whom}`);
  return control;
}

function item(title, content, actions) {
  const row = actions.length ? [h("div", { class: "actions" }, ...actions)] : [];
  return h("li", { class: "panel account-form" }, h("h3", {}, title), ...content, ...row);
}

/** Fills the section. */
export async function buildLogins(root) {
  await new Logins(root).load();
}
