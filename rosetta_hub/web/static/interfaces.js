// Buttons for the further interfaces of a task, such as a dashboard.

import { h, setText } from "./dom.js";
import { linkButton } from "./ui.js";

const NOT_YET = "Does not answer yet: it may come up when a program in the task starts it.";

/**
 * The buttons, in an element of their own. They stay the same elements while a task changes, so that
 * the focus stays where it is.
 */
export class InterfaceButtons {
  /** `kind` is that of the buttons; `describe(name)` gives the name that a screen reader hears. */
  constructor(kind, describe = (name) => name) {
    this.kind = kind;
    this.describe = describe;
    this.links = new Map();
    this.element = h("div", { class: "interfaces", hidden: true });
  }

  update(task) {
    const interfaces = (task.interfaces || []).filter((entry) => entry.url);
    for (const [port, link] of this.links) {
      if (interfaces.some((entry) => entry.port === port)) continue;
      link.remove();
      this.links.delete(port);
    }
    for (const entry of interfaces) this.show(entry);
    this.element.hidden = interfaces.length === 0;
  }

  show({ name, port, url, ready }) {
    if (!this.links.has(port)) {
      this.links.set(port, linkButton(name, "open", this.kind));
      this.element.append(this.links.get(port));
    }
    const link = this.links.get(port);
    link.href = url;
    setText(link.lastElementChild, ready ? name : `${name} (not answering yet)`);
    link.title = ready ? "" : NOT_YET;
    link.classList.toggle("interface-waiting", !ready);
    link.setAttribute("aria-label", this.describe(link.lastElementChild.textContent));
  }
}
