// The section "Password": another one for a local account, or a mail that sets the first one.

import { apiUrl, call } from "../api.js";
import { h } from "../dom.js";
import { moment } from "../format.js";
import { pending } from "../ui.js";
import { SaveLine, labelled, textField } from "./fields.js";

const LENGTH = { minlength: "8", maxlength: "1024" };

function secretField(id, properties) {
  return textField({ type: "password", id, required: true, ...properties });
}

/** The form of a user who has a password. */
class PasswordForm {
  constructor({ login, changed }) {
    this.current = secretField("password-current", { maxlength: "1024", autocomplete: "current-password" });
    this.wanted = secretField("password-new", { ...LENGTH, autocomplete: "new-password", "aria-describedby": "password-hint" });
    this.line = new SaveLine("Change password");
    this.form = h("form", { class: "panel account-form", id: "password-form" },
      h("p", { class: "faint" }, `You log in as ${login}. The password was last changed on ${moment(changed)}.`),
      // For password managers.
      h("input", { type: "text", name: "username", autocomplete: "username", value: login, hidden: true }),
      ...labelled("Present password", this.current),
      ...labelled("New password", this.wanted),
      h("p", { class: "faint account-hint", id: "password-hint" }, "At least 8 characters that are hard to guess. All your browsers are logged out, this one included."),
      this.line.element);
    this.line.attach(this.form, () => this.save());
  }

  async save() {
    await call("PUT", apiUrl("account/password"), { current: this.current.value, new: this.wanted.value });
    // The login page comes next: this browser is logged out, too.
    location.reload();
    return "Changed. Log in with the new password.";
  }
}

/** What a user sees who logs in another way only. */
function firstPassword(address) {
  if (!address) return [h("p", {}, "You log in without a password. To set one, confirm a mail address first.")];
  const message = h("span", { class: "faint", role: "status" });
  const button = h("button", { type: "button", class: "btn btn-outline-secondary", onclick: () => pending(button, async () => {
    const answer = await call("POST", apiUrl("account/password"));
    message.textContent = `A mail is on its way to ${answer.address}.`;
  }) }, "Mail me a link to set one");
  return [h("p", {}, "You log in without a password. With one you could also log in when your provider does not answer."), h("div", { class: "account-save" }, button, message)];
}

/** Fills the section. */
export async function buildPassword(root) {
  const password = await call("GET", apiUrl("account/password"));
  if (password.login) root.append(new PasswordForm(password).form);
  else root.append(h("div", { class: "panel account-form" }, ...firstPassword(password.address)));
}
