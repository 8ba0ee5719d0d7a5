// Tabs (WAI-ARIA Authoring Practices, "Tabs"): arrow keys, Home and End move between them. The
// fragment of the address names the one that is shown, so that a link leads to it.

import { h } from "../dom.js";

export class Tabs {
  /** `tabs`: `{id, title, build(root)}` in their order. */
  constructor(list, panels, tabs) {
    this.tabs = tabs.map((tab) => this.make(tab));
    list.append(...this.tabs.map(({ control }) => control));
    panels.append(...this.tabs.map(({ panel }) => panel));
    list.addEventListener("keydown", (event) => this.move(event));
    window.addEventListener("hashchange", () => this.showNamed());
    this.showNamed();
  }

  make({ id, title, build }) {
    const control = h("button", { type: "button", role: "tab", class: "admin-tab", id: `tab-${id}`, "aria-controls": `panel-${id}`, "aria-selected": "false", tabindex: "-1", onclick: () => this.choose(id) }, title);
    const panel = h("section", { role: "tabpanel", class: "admin-panel", id: `panel-${id}`, "aria-labelledby": `tab-${id}`, hidden: true });
    return { id, control, panel, build, content: null };
  }

  /** The tab that the address names, the first one where it names none. */
  showNamed() {
    const name = location.hash.slice(1);
    this.show(this.tabs.find(({ id }) => id === name) || this.tabs[0]);
  }

  choose(id) {
    if (location.hash === `#${id}`) return;
    history.replaceState(null, "", `#${id}`);
    this.showNamed();
  }

  show(tab) {
    if (tab === this.shown) return;
    if (this.shown) this.select(this.shown, false);
    this.shown = tab;
    this.select(tab, true);
    tab.content ||= tab.build(tab.panel) || {};
    tab.content.show?.();
  }

  select(tab, isShown) {
    tab.control.setAttribute("aria-selected", String(isShown));
    tab.control.tabIndex = isShown ? 0 : -1;
    tab.panel.hidden = !isShown;
    if (!isShown) tab.content?.hide?.();
  }

  move(event) {
    const count = this.tabs.length;
    const at = this.tabs.indexOf(this.shown);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: count - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const tab = this.tabs[(to + count) % count];
    this.choose(tab.id);
    tab.control.focus();
  }
}
