// The form with which a task is shared: with a user, with a group, or by a link.

import { call, taskUrl } from "../api.js";
import { h } from "../dom.js";
import { button, copyButton, pending } from "../ui.js";
import { UNTIL, timeAfter } from "./times.js";

const KINDS = { user: "A user", group: "A group", link: "Whoever has a link" };

function field(id, label, control, hint = "") {
  control.id = id;
  const text = hint ? h("p", { class: "form-text", id: `${id}-hint` }, hint) : null;
  if (text) control.setAttribute("aria-describedby", text.id);
  return h("div", { class: "share-field" }, h("label", { class: "form-label", for: id }, label), control, text);
}

function choice(options) {
  return h("select", { class: "form-select" }, ...options.map(([value, words]) => h("option", { value: value ?? "" }, words)));
}

const secondsOf = (control) => (control.value ? Number(control.value) : null);

export class ShareForm {
  /** `done()` is called when the task is shared with somebody more. */
  constructor(task, groups, onShared) {
    this.task = task;
    this.done = onShared;
    this.makeFields(groups);
    this.share = button("Share", "plus", "primary", () => {});
    this.share.type = "submit";
    this.link = h("div", { class: "new-link", role: "status" });
    this.element = h("form", { class: "share-form", "aria-label": "Share this task" },
      this.kindField, ...Object.values(this.fields).flat(), this.untilField,
      h("div", { class: "actions" }, this.share), this.link);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      pending(this.share, () => this.send());
    });
    this.update();
  }

  makeFields(groups) {
    const kinds = Object.entries(KINDS).filter(([kind]) => kind !== "group" || groups.length > 0);
    this.kind = h("select", { class: "form-select", onchange: () => this.update() },
      ...kinds.map(([value, words]) => h("option", { value }, words)));
    this.user = h("input", { class: "form-control", maxlength: 255, autocomplete: "off", spellcheck: "false" });
    this.group = choice(groups.map((name) => [name, name]));
    this.uses = h("input", { class: "form-control", type: "number", min: 1, max: 1000, value: 1 });
    this.expires = choice(UNTIL.slice(1, 5));
    this.users = h("textarea", { class: "form-control", rows: 2, spellcheck: "false" });
    this.until = choice(UNTIL);
    this.kindField = field("share-kind", "Share with", this.kind);
    this.untilField = field("share-until", "Access lasts", this.until);
    this.fields = {
      user: [field("share-user", "Name of the user", this.user, "The exact name, as this hub writes it.")],
      group: [field("share-group", "Group", this.group, "Its members of today, and those who join later.")],
      link: [
        field("share-expires", "The link works", this.expires),
        field("share-uses", "For how many users", this.uses),
        field("share-users", "Only these users", this.users, "One name a line. Empty: everybody who can log in."),
      ],
    };
  }

  update() {
    for (const [kind, fields] of Object.entries(this.fields)) {
      for (const part of fields) part.hidden = kind !== this.kind.value;
    }
    this.user.required = this.kind.value === "user";
  }

  /** What the API takes. */
  body() {
    const until = timeAfter(secondsOf(this.until));
    if (this.kind.value === "user") return { user: this.user.value, until };
    if (this.kind.value === "group") return { group: this.group.value, until };
    const users = this.users.value.split("\n").map((name) => name.trim()).filter(Boolean);
    return { link: { expires: timeAfter(secondsOf(this.expires)), uses: Number(this.uses.value), users }, until };
  }

  async send() {
    const share = await call("POST", taskUrl(this.task, "/shares"), this.body());
    this.user.value = "";
    this.showLink(share.url);
    await this.done();
  }

  /** The address of a new link, which nobody can show again. */
  showLink(url) {
    if (!url) {
      this.link.replaceChildren();
      return;
    }
    const text = h("input", { class: "form-control", id: "share-link", readonly: true, value: url });
    this.link.replaceChildren(
      h("label", { class: "form-label", for: "share-link" }, "The link. It is shown this once: hand it on."),
      text, copyButton("Copy", () => url));
    text.select();
  }
}
