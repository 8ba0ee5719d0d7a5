// The section "Mail": which mails are sent, and where.

import { apiUrl, call, change } from "../api.js";
import { h, setText } from "../dom.js";
import { SaveLine, checkbox, labelled, textField } from "./fields.js";

const CHOICES = {
  started: "when a task that had to wait is running",
  failed: "when a task has failed",
  limit: "before a task ends by itself, or reaches its time limit",
  shared: "when somebody shares a task with me",
};

function pendingText({ pending, address }) {
  const present = address ? `Until then, mails go to ${address}.` : "Until then, you get no mails.";
  return `A mail with a link was sent to ${pending}. The address counts once the link is used. ${present}`;
}

class MailForm {
  constructor() {
    this.address = textField({
      type: "email", id: "mail-address", maxlength: "254", autocomplete: "email",
      "aria-describedby": "mail-hint mail-problem", placeholder: "alice@example.org",
    });
    this.problem = h("p", { class: "account-problem", id: "mail-problem", hidden: true });
    this.pending = h("p", { class: "account-pending", id: "mail-pending", hidden: true });
    this.line = new SaveLine("Save");
    const choices = Object.entries(CHOICES).map(([name, label]) => checkbox(name, label));
    this.form = h("form", { class: "panel", id: "mail-form" },
      ...labelled("Your mail address", this.address),
      h("p", { class: "faint account-hint", id: "mail-hint" }, "Without an address you get no mails."),
      this.problem, this.pending,
      h("fieldset", { class: "mail-choices" }, h("legend", {}, "Send me a mail"), ...choices),
      this.line.element);
    this.line.attach(this.form, () => this.save());
  }

  update(mail) {
    this.revision = mail.revision;
    this.address.value = mail.address || "";
    for (const name of Object.keys(CHOICES)) this.form.elements[name].checked = mail[name];
    this.problem.hidden = !mail.problem;
    setText(this.problem, mail.problem || "");
    this.pending.hidden = !mail.pending;
    setText(this.pending, mail.pending ? pendingText(mail) : "");
  }

  async save() {
    const body = { address: this.address.value.trim() || null };
    for (const name of Object.keys(CHOICES)) body[name] = this.form.elements[name].checked;
    const mail = await change("PUT", apiUrl("account/mail"), this.revision, body);
    this.update(mail);
    if (mail.pending && mail.address !== body.address) return "Saved. The address has to be confirmed.";
    return body.address ? "Saved." : "Saved. You get no mails.";
  }
}

export async function buildMail(root) {
  const mail = await call("GET", apiUrl("account/mail"));
  if (!mail.available) {
    root.append(h("p", { class: "panel account-nothing" }, "This hub sends no mails."));
    return;
  }
  const form = new MailForm();
  form.update(mail);
  root.append(form.form);
}
