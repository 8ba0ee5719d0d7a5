// Opening the task by itself, once, when somebody has waited for it.

import { isReady, isWeb } from "./states.js";

// Long enough to read the word and to reach "Stay here".
const DELAY = 1500;

export class Opening {
  constructor(task, box, stay) {
    const query = new URLSearchParams(location.search);
    this.box = box;
    this.armed = !query.has("stay") && (!isReady(task) || query.get("wait") === "1");
    stay.addEventListener("click", (event) => {
      event.preventDefault();
      this.cancel();
    });
    // Back from the task: the page comes out of the browser's memory, as it was when left.
    window.addEventListener("pageshow", (event) => event.persisted && this.cancel());
  }

  update(task) {
    if (!this.armed || !isReady(task)) {
      // It stopped again before it opened, or nobody waits.
      if (this.timer && !isReady(task)) this.clear();
      return;
    }
    if (!isWeb(task) || !task.open_url || this.timer) return;
    this.box.hidden = false;
    this.timer = setTimeout(() => {
      this.armed = false;
      // "Back" from the task must lead to this page, not into the task again.
      history.replaceState(null, "", `${location.pathname}?stay`);
      location.assign(task.open_url);
    }, DELAY);
  }

  /** Whoever starts the task on this page waits for it. */
  arm() {
    this.armed = true;
  }

  cancel() {
    this.armed = false;
    this.clear();
    history.replaceState(null, "", `${location.pathname}?stay`);
  }

  clear() {
    clearTimeout(this.timer);
    this.timer = null;
    this.box.hidden = true;
  }
}
