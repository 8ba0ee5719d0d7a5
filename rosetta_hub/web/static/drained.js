// Which computing resources take no new tasks, on the dashboard.

import { apiUrl, call } from "./api.js";
import { h, icon } from "./dom.js";

// Milliseconds between two looks, while the page is shown.
const INTERVAL = 60000;

export class DrainedList {
  /** `list`: the list to fill; it is hidden while there is nothing to tell. */
  constructor(list) {
    this.list = list;
    setInterval(() => document.hidden || this.load(), INTERVAL);
  }

  async load() {
    let computing;
    try {
      ({ computing } = await call("GET", apiUrl("computing")));
    } catch {
      // The page tells that the service does not answer; what was shown stays.
      return;
    }
    const drained = computing.filter((resource) => resource.drained);
    this.list.replaceChildren(...drained.map(({ name, drained: reason }) => h("li", {}, icon("alert"), h("span", {}, h("strong", {}, name), `: ${reason}`))));
    this.list.hidden = drained.length === 0;
  }
}
