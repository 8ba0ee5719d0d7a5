// A queue may take days: what tells its user that the task has begun.

import { apiUrl, call } from "./api.js";
import { first, h } from "./dom.js";

export class MailHint {
  /** `account` is the address of "Account", where mails are chosen. */
  constructor(box, account) {
    this.box = box;
    this.account = account;
  }

  /** Shown to the task's own user, while it is in a queue. */
  update({ state, job, user }) {
    const isShown = state === "queued" && Boolean(job) && user === first("main").dataset.user;
    this.box.hidden = !isShown;
    if (isShown && !this.asked) this.ask();
  }

  async ask() {
    this.asked = true;
    const mail = await call("GET", apiUrl("account/mail")).catch(() => null);
    const promise = this.promise(mail);
    this.box.replaceChildren(h("span", {}, "You can close this page: the task keeps its place in the queue."),
      ...(promise.length ? [" ", h("span", {}, ...promise)] : []));
  }

  promise(mail) {
    if (!mail?.available) return [];
    if (mail.address && mail.started) return ["A mail to ", h("strong", {}, mail.address), " tells you when it runs."];
    return [h("a", { href: this.account }, "Get a mail when it runs"), "."];
  }
}
