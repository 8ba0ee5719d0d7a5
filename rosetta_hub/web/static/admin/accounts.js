// The tab "Accounts": who waits for one, invitations, and who is blocked.

import { newId } from "../dialogs.js";
import { element, h } from "../dom.js";
import { moment } from "../format.js";
import { confirmDialog, copyButton, pending, toast } from "../ui.js";
import { changeAdmin, readAdmin } from "./admin_api.js";
import { AdminTable, row } from "./admin_table.js";

const encode = encodeURIComponent;

/** A button of a row, named for those who don't see the row. */
function rowButton(label, name, kind, action) {
  const button = h("button", { type: "button", class: `btn btn-sm btn-${kind}`, "aria-label": `${label} ${name}`, onclick: () => pending(button, action) }, label);
  return button;
}

function field(label, properties) {
  const id = newId("account");
  const control = h("input", { class: "form-control form-control-sm", id, autocomplete: "off", ...properties });
  return { control, element: h("div", { class: "admin-filter" }, h("label", { class: "form-label", for: id }, label), control) };
}

/** A heading and what is below; the tables are regions of the same names. */
function group(title, ...content) {
  return h("div", { class: "admin-group" }, h("h2", { class: "section-title" }, title), ...content);
}

/** Makes an invitation, and shows its link once. */
class InvitationForm {
  constructor(onMade) {
    this.onMade = onMade;
    this.address = field("Mail address (empty: a link)", { type: "email", maxlength: "254" });
    const { defaultDays, maxDays, maxUses } = element("panels").dataset;
    this.uses = field("Uses of the link", { type: "number", min: "1", max: maxUses, value: "1" });
    this.days = field("Days", { type: "number", min: "1", max: maxDays, value: defaultDays });
    this.button = h("button", { type: "submit", class: "btn btn-primary btn-sm" }, "Invite");
    this.form = h("form", { class: "admin-filters", "aria-label": "Invite" }, this.address.element, this.uses.element, this.days.element, this.button);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      pending(this.button, () => this.make());
    });
    this.made = h("div", { role: "status" });
    this.element = h("div", {}, this.form, this.made);
  }

  async make() {
    const address = this.address.control.value.trim() || null;
    const body = { address, uses: Number(this.uses.control.value), days: Number(this.days.control.value) };
    const { link } = await changeAdmin("POST", "accounts/invitations", body);
    this.address.control.value = "";
    const text = address ? `The invitation is on its way to ${address}.` : "Send this link yourself. It is not shown again.";
    const elements = address ? [] : [h("code", { class: "admin-link" }, link), copyButton("Copy the link", () => link)];
    this.made.replaceChildren(h("p", {}, text), ...elements);
    await this.onMade();
  }
}

/** Keeps users out, at once. */
class BlockForm {
  constructor(onChanged) {
    this.onChanged = onChanged;
    this.name = field("User", { maxlength: "255", spellcheck: "false", autocapitalize: "none", required: true });
    this.button = h("button", { type: "submit", class: "btn btn-outline-danger btn-sm" }, "Block");
    this.element = h("form", { class: "admin-filters", "aria-label": "Block a user" }, this.name.element, this.button);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      pending(this.button, () => this.block());
    });
  }

  async block() {
    const name = this.name.control.value.trim();
    const isSure = await confirmDialog({
      title: `Block ${name}?`,
      text: "All sessions and API tokens of the user end now. Running tasks go on.",
      action: "Block",
    });
    if (!isSure) return;
    await changeAdmin("PUT", `accounts/users/${encode(name)}`, { state: "blocked" });
    this.name.control.value = "";
    await this.onChanged();
  }
}

class AccountsTab {
  constructor(root) {
    const reload = () => this.load();
    this.waiting = new AdminTable({ label: "Sign-ups that wait", columns: [["name", "Name"], ["address", "Mail address"], ["time", "Since"], ["decide", "Decide"]] });
    this.invitations = new AdminTable({ label: "Invitations", columns: [["address", "For"], ["uses", "Uses left"], ["expires", "Until"], ["by", "By"], ["end", "End"]] });
    this.blocked = new AdminTable({ label: "Blocked users", columns: [["name", "Name"], ["end", "End"]] });
    this.invite = new InvitationForm(reload);
    this.noMail = h("p", { class: "faint", hidden: true }, "This hub sends no mails: invitations are links.");
    this.local = h("div", { class: "admin-panel", hidden: true },
      group("Sign-ups that wait", this.waiting.element),
      group("Invitations", this.invite.element, this.noMail, this.invitations.element));
    root.append(this.local, group("Blocked users", new BlockForm(reload).element, this.blocked.element));
  }

  show() {
    return this.load();
  }

  async load() {
    try {
      const { waiting, invitations, blocked, local, mail } = await readAdmin("accounts");
      this.local.hidden = !local;
      this.invite.address.element.hidden = !mail;
      this.noMail.hidden = mail;
      this.waiting.show(waiting.map((request) => this.waitingRow(request)), { text: "Nobody waits." });
      this.invitations.show(invitations.map((invitation) => this.invitationRow(invitation)), { text: "There are no invitations." });
      this.blocked.show(blocked.map((name) => this.blockedRow(name)), { text: "Nobody is blocked." });
    } catch (error) {
      toast(error.message);
    }
  }

  async change(method, path, body = undefined) {
    await changeAdmin(method, path, body);
    await this.load();
  }

  waitingRow({ id, name, address, confirmed_at: since }) {
    const path = `accounts/sign-ups/${encode(id)}`;
    const approve = rowButton("Approve", name, "primary", () => this.change("POST", path));
    const refuse = rowButton("Refuse", name, "outline-secondary", () => this.change("DELETE", path));
    return row(name, address, h("time", { datetime: since }, moment(since)), h("div", { class: "actions" }, approve, refuse));
  }

  invitationRow({ id, address, uses_left: uses, expires, created_by: actor }) {
    const name = address ? `the invitation of ${address}` : `the link of ${actor}`;
    const withdraw = rowButton("Withdraw", name, "outline-secondary", () => this.change("DELETE", `accounts/invitations/${encode(id)}`));
    return row(address || "whoever has the link", String(uses), h("time", { datetime: expires }, moment(expires)), actor, withdraw);
  }

  blockedRow(name) {
    return row(name, rowButton("Let in again", name, "outline-secondary", () => this.change("PUT", `accounts/users/${encode(name)}`, { state: "active" })));
  }
}

/** Fills the panel. */
export function buildAccounts(root) {
  return new AccountsTab(root);
}
