// Opening the task by itself, once, when somebody has waited for it.

import { isReady, isWeb } from "./states.js";

// Long enough to read the word and to reach "Stay here".
const DELAY = 1500;

/** Where the task opens: at the path of the container that a link has asked for, if one has. */
export function openUrl(task) {
  const path = insidePath();
  return path ? `${task.open_url}?${new URLSearchParams({ next: path })}` : task.open_url;
}

function insidePath() {
  return new URLSearchParams(location.search).get("next");
}

/** The address of this page when it opens nothing by itself. */
function stayUrl() {
  const path = insidePath();
  return `${location.pathname}?stay${path ? `&${new URLSearchParams({ next: path })}` : ""}`;
}

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
      const target = openUrl(task);
      history.replaceState(null, "", stayUrl());
      location.assign(target);
    }, DELAY);
  }

  /** Whoever starts the task on this page waits for it. */
  arm() {
    this.armed = true;
  }

  cancel() {
    this.armed = false;
    this.clear();
    history.replaceState(null, "", stayUrl());
  }

  clear() {
    clearTimeout(this.timer);
    this.timer = null;
    this.box.hidden = true;
  }
}
