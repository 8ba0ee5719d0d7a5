// The section "API tokens": what programs act for the user with.

import { apiUrl, call } from "../api.js";
import { first, h, setText } from "../dom.js";
import { ago, moment } from "../format.js";
import { button, confirmDialog, copyButton, pending } from "../ui.js";
import { SaveLine, labelled, textField } from "./fields.js";

const RIGHTS = {
  see: "See your tasks and what you have set",
  enter: "Enter your tasks, read their logs and passwords",
  change: "Start, stop and delete tasks; change your files, software, keys and choices",
};
const DAY = 86400;
const AGES = { 3600: "1 hour", [DAY]: "1 day", [30 * DAY]: "30 days", [90 * DAY]: "90 days", [365 * DAY]: "1 year" };

function rightsText(token) {
  if (token.all_rights) return "Everything that you may do";
  const others = token.scopes.length ? [`at the hub: ${token.scopes.join(", ")}`] : [];
  return [...token.rights.map((right) => RIGHTS[right]), ...others].join(" · ") || "Log in at the service, and no more";
}

function usedText(token) {
  const used = token.last_activity ? `last used ${ago(token.last_activity)}` : "never used";
  const end = token.expires_at ? `expires ${moment(token.expires_at)}` : "never expires";
  return `Made ${moment(token.created)}, ${used}, ${end}`;
}

class TokenList {
  constructor() {
    this.empty = h("p", { class: "panel account-nothing" }, "You have no API tokens.");
    this.list = h("ul", { class: "identities", id: "token-list" });
  }

  add(token) {
    const name = token.note || "Without a note";
    const remove = button("Delete", "trash", "outline-secondary btn-sm", () => this.askToDelete(token, item, remove));
    remove.setAttribute("aria-label", `Delete the token “${name}”`);
    const item = h("li", { class: "panel account-row" },
      h("div", { class: "account-row-text" },
        h("strong", {}, name), h("span", { class: "faint" }, rightsText(token)),
        h("span", { class: "faint" }, usedText(token))),
      remove);
    this.list.prepend(item);
    this.show();
  }

  show() {
    this.empty.hidden = this.list.children.length > 0;
    this.list.hidden = !this.empty.hidden;
  }

  async askToDelete(token, item, control) {
    const sure = await confirmDialog({
      title: `Delete the token “${token.note || token.id}”?`,
      text: "Programs that use it are refused at once.",
      action: "Delete the token",
    });
    if (!sure) return;
    await pending(control, async () => {
      await call("DELETE", apiUrl(`account/tokens/${encodeURIComponent(token.id)}`));
      item.remove();
      this.show();
      first("#token-list button, #token-note").focus();
    });
  }
}

/** The new token, in the only moment in which it can be read. */
function revealed(token) {
  const value = h("code", { class: "connect-value", id: "new-token" }, token);
  return h("div", { class: "panel account-once", role: "status" },
    h("p", {}, "This is the only time that the token is shown. Copy it now."),
    h("p", {}, value), copyButton("Copy the token", () => token));
}

function buildForm(list, place) {
  const note = textField({ id: "token-note", required: true, maxlength: "80", autocomplete: "off" });
  const boxes = Object.entries(RIGHTS).map(([name, label]) => h("label", { class: "form-check" },
    h("input", { class: "form-check-input", type: "checkbox", name, checked: name === "see" }), h("span", {}, label)));
  const ages = Object.entries(AGES).map(([value, label]) => h("option", { value, selected: label === "30 days" }, label));
  const age = h("select", { class: "form-select", id: "token-age" }, ...ages);
  const line = new SaveLine("Make a token");
  const form = h("form", { class: "panel account-form", id: "token-form", "aria-labelledby": "token-form-title" },
    h("h3", { id: "token-form-title" }, "Make a token"),
    ...labelled("What it is for", note),
    h("fieldset", { class: "account-choices" }, h("legend", {}, "What it may do"), ...boxes),
    ...labelled("It expires after", age), line.element);
  line.attach(form, async () => {
    const rights = Object.keys(RIGHTS).filter((name) => form.elements[name].checked);
    if (!rights.length) throw new Error("Select what the token may do.");
    const body = { note: note.value.trim(), rights, seconds: Number(age.value) };
    const token = await call("POST", apiUrl("account/tokens"), body);
    list.add(token);
    place.replaceChildren(revealed(token.token));
    form.reset();
    return "";
  });
  return form;
}

export async function buildTokens(root) {
  const { tokens } = await call("GET", apiUrl("account/tokens"));
  const list = new TokenList();
  const place = h("div", {});
  const page = `${first("[data-hub]").dataset.hub}token`;
  list.show();
  for (const token of tokens) list.add(token);
  setText(list.empty, "You have no API tokens.");
  root.append(list.empty, list.list, place, buildForm(list, place),
    h("p", { class: "faint account-hint" }, "Tokens with other rights are made on the hub's page ",
      h("a", { href: page }, "Token"), "."));
}
