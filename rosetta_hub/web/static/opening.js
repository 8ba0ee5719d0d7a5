// Opening the task by itself, once and at once, when somebody has waited for it.

import { isEnded, isReady, isWeb } from "./states.js";

// A page that is left while it loads has no entry in the history.
function whenLoaded(act) {
  if (document.readyState === "complete") act();
  else window.addEventListener("load", () => setTimeout(act));
}

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
  /** `box` tells whoever waits that the task will open; `stay` is the link that prevents it. */
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
    this.box.hidden = !this.armed || !isWeb(task) || isEnded(task) || task.state === "stopping";
    if (this.box.hidden || !isReady(task) || !task.open_url) return;
    this.armed = false;
    // "Back" from the task must lead to this page, not into the task again.
    const target = openUrl(task);
    history.replaceState(null, "", stayUrl());
    whenLoaded(() => location.assign(target));
  }

  /** Whoever starts the task on this page waits for it. */
  arm() {
    this.armed = true;
  }

  cancel() {
    this.armed = false;
    this.box.hidden = true;
    history.replaceState(null, "", stayUrl());
  }
}
