// One account at a registry: whether it works, and what can be done with it.

import { apiUrl, call } from "../api.js";
import { h, setText } from "../dom.js";
import { button, confirmDialog, pending } from "../ui.js";

const STATES = { untested: "Not tested", works: "Works", refused: "Refused" };
const MESSAGES = {
  untested: "Test whether the registry accepts it, or just start a task.",
  works: "The registry accepts it.",
};

export class RegistryCard {
  constructor(account, section) {
    this.section = section;
    this.host = account.host;
    this.url = apiUrl(`registries/${encodeURIComponent(account.host)}`);
    const titleId = `registry-${account.host}-title`;
    this.name = h("span", { class: "faint" });
    this.state = h("span", { class: "state" });
    this.message = h("p", { class: "identity-message", role: "status" });
    this.test = button("Test now", "play", "primary", () => this.tryOut());
    this.edit = button("Change", "edit", "outline-secondary", () => section.fill(this.account));
    this.remove = button("Delete", "trash", "outline-secondary", () => this.askToDelete());
    this.element = h("li", { class: "panel identity", "aria-labelledby": titleId },
      h("div", { class: "identity-head" },
        h("h3", { id: titleId, tabindex: "-1" }, account.host, " ", this.name), this.state),
      this.message, h("div", { class: "actions" }, this.test, this.edit, this.remove));
    this.update(account);
  }

  update(account) {
    this.account = account;
    this.element.dataset.state = this.state.dataset.state = account.state;
    this.state.replaceChildren(h("span", { class: "state-mark", "aria-hidden": "true" }), STATES[account.state]);
    setText(this.name, account.account);
    setText(this.message, account.message || MESSAGES[account.state]);
  }

  async tryOut() {
    const label = this.test.lastElementChild;
    setText(label, "Testing…");
    await pending(this.test, async () => this.update(await call("POST", `${this.url}/test`)));
    setText(label, "Test now");
    this.test.focus();
  }

  async askToDelete() {
    const sure = await confirmDialog({
      title: `Delete the account for ${this.host}?`,
      text: "The hub forgets its password. Tasks that run go on; others pull from there without it.",
      action: "Delete the account",
    });
    if (!sure) return;
    await pending(this.remove, async () => {
      await call("DELETE", this.url);
      this.section.forget(this);
    });
  }
}
