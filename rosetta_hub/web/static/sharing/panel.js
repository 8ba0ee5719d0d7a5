// The panel "Sharing" of a task's page: who has it, links, who is inside, and the end of all that.

import { call, taskUrl } from "../api.js";
import { element, first, h, icon, setText } from "../dom.js";
import { clock } from "../format.js";
import { button, confirmDialog, pending, toast } from "../ui.js";
import { ShareForm } from "./share_form.js";

// Milliseconds between two looks at who is inside.
const INTERVAL = 5000;
const APART = `What this task speaks is not HTTP, so connections of guests can't be told from yours: who has seen the
  password can use the task until it ends, also when you end the share.`;

class SharingPanel {
  constructor(root, task, user) {
    this.root = root;
    this.url = (rest = "") => taskUrl(task, rest);
    this.task = task;
    this.user = user;
    this.inside = h("p", { class: "inside", role: "status" });
    this.list = h("ul", { class: "shares" });
    this.apart = h("p", { class: "share-warning", hidden: true }, icon("alert"), h("span", {}, APART));
    this.endAll = button("End all", "close", "outline-danger btn-sm", () => this.askToEndAll());
    this.formPlace = h("details", { class: "share-new", hidden: true }, h("summary", {}, "Share this task"));
    root.append(this.apart, this.inside, this.list, h("div", { class: "actions" }, this.endAll), this.formPlace);
    this.load();
    setInterval(() => document.hidden || this.look(), INTERVAL);
  }

  async load() {
    try {
      this.show(await call("GET", this.url("/shares")));
    } catch (error) {
      toast(error.message);
    }
  }

  show(view) {
    this.root.hidden = false;
    this.shares = view.shares;
    this.list.replaceChildren(
      ...view.shares.map((share) => this.row(share.id, shareText(share), share.kind === "group" ? "Group" : "User")),
      ...view.links.map((link) => this.row(link.id, linkText(link), "Link")));
    this.list.hidden = view.shares.length + view.links.length === 0;
    this.endAll.hidden = this.list.hidden;
    this.apart.hidden = view.apart;
    this.showVisitors(view.visitors);
    if (view.may_share && !this.form) this.addForm(view.groups);
  }

  addForm(groups) {
    this.form = new ShareForm(this.task, groups, () => this.load());
    this.formPlace.append(this.form.element);
    this.formPlace.hidden = false;
  }

  row(id, text, kind) {
    const end = button("End", "close", "outline-secondary btn-sm", () => pending(end, async () => {
      await call("DELETE", this.url(`/shares/${id}`));
      await this.load();
      first("summary", this.formPlace)?.focus();
    }));
    end.setAttribute("aria-label", `End: ${kind} ${text}`);
    return h("li", { class: "share", "data-share": id }, h("span", { class: "share-kind" }, kind), h("span", { class: "share-text" }, text), end);
  }

  async askToEndAll() {
    const text = "Everybody but you is cut off at once, and no link lets anybody in any more.";
    if (!(await confirmDialog({ title: "End all shares of this task?", text, action: "End all" }))) return;
    await pending(this.endAll, async () => {
      await call("DELETE", this.url("/shares"));
      await this.load();
    });
  }

  /** Who is inside; somebody who is new here may have come by a link. */
  async look() {
    try {
      const { visitors } = await call("GET", this.url("/visitors"));
      const names = new Set([this.user, ...this.shares.map((share) => share.name)]);
      this.showVisitors(visitors);
      if (visitors.some((visitor) => !names.has(visitor.user) && !this.seen?.has(visitor.user))) await this.load();
      this.seen = new Set(visitors.map((visitor) => visitor.user));
    } catch {
      this.showVisitors(null);
    }
  }

  showVisitors(visitors) {
    const names = visitors?.map(({ user }) => (user === this.user ? "you" : user));
    setText(this.inside, !names ? "Who is inside is not known just now." : names.length ? `Inside now: ${names.join(", ")}` : "Nobody is inside now.");
  }
}

function shareText(share) {
  const parts = [share.name];
  if (share.link) parts.push("by a link");
  if (share.until) parts.push(`until ${clock(share.until)}`);
  return parts.join(" · ");
}

function linkText(link) {
  if (!link.admits) return `lets nobody in any more · made ${clock(link.created)}`;
  const parts = [`${link.uses_left} of ${link.uses} uses left`, `works until ${clock(link.expires)}`];
  if (link.users.length) parts.push(`for ${link.users.join(", ")}`);
  if (link.until) parts.push(`access until ${clock(link.until)}`);
  return parts.join(" · ");
}

const root = element("sharing");
if (root) new SharingPanel(root, root.dataset.task, first("main").dataset.user);
