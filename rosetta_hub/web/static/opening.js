// Opening the task by itself, once and at once, when somebody has waited for it.

import { isEnded, isReady, isWeb } from "./task_states.js";

// A page that is left while it loads has no entry in the history.
function whenLoaded(act) {
  if (document.readyState === "complete") act();
  else window.addEventListener("load", () => setTimeout(act));
}

/**
 * Where the task opens: at the further interface and the path that a link has asked for, if one has.
 * Null while it can't be entered.
 */
export function openUrl(task) {
  const base = findEntry(task);
  const path = query().get("next");
  if (!base || !path) return base;
  return `${base}${base.includes("?") ? "&" : "?"}${new URLSearchParams({ next: path })}`;
}

/** Where the main interface opens: at the path that a link has asked for, if that is one of it. */
export function connectUrl(task) {
  return wantedPort() === null ? openUrl(task) : task.open_url;
}

/** Whether it opens in the browser. */
function opensHere(task) {
  return isWeb(task) || findWanted(task) !== undefined;
}

function query() {
  return new URLSearchParams(location.search);
}

function wantedPort() {
  return query().get("interface");
}

function findWanted(task) {
  return task.interfaces?.find((entry) => String(entry.port) === wantedPort());
}

function findEntry(task) {
  const entry = findWanted(task);
  return entry === undefined ? task.open_url : entry.url;
}

/** The address of this page when it opens nothing by itself. */
function stayUrl() {
  const parameters = new URLSearchParams();
  for (const key of ["interface", "next"]) if (query().has(key)) parameters.set(key, query().get(key));
  const rest = parameters.toString();
  return `${location.pathname}?stay${rest ? `&${rest}` : ""}`;
}

export class Opening {
  /** `box` tells whoever waits that the task will open; `stay` is the link that prevents it. */
  constructor(task, box, stay) {
    const parameters = query();
    this.box = box;
    this.armed = !parameters.has("stay") && (!isReady(task) || parameters.get("wait") === "1");
    stay.addEventListener("click", (event) => {
      event.preventDefault();
      this.cancel();
    });
    // Back from the task: the page comes out of the browser's memory, as it was when left.
    window.addEventListener("pageshow", (event) => event.persisted && this.cancel());
  }

  update(task) {
    this.box.hidden = !this.armed || !opensHere(task) || isEnded(task) || task.state === "stopping";
    if (this.box.hidden || !isReady(task) || !openUrl(task)) return;
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
