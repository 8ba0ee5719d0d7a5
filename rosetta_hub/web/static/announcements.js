// Announcements of administrators, on each page of service and hub, the login page too. Nobody has
// to be logged in to read them. The text is plain: nothing in it is markup.

import { h, icon } from "./dom.js";

// Milliseconds between two looks, while the page is shown.
const INTERVAL = 30000;
const KEY = "rosetta-dismissed-announcements";
// Beside `static`, whose version stands in this module's address.
const URL_OF_API = new URL(`${import.meta.url.split("/static/")[0]}/api/v1/announcements`);
const ICONS = { info: "info", warning: "alert", critical: "alert" };
const LABELS = { info: "Information", warning: "Warning", critical: "Important" };

class Announcements {
  constructor(root) {
    this.root = root;
    this.boxes = new Map();
    this.load();
    setInterval(() => document.hidden || this.load(), INTERVAL);
    document.addEventListener("visibilitychange", () => document.hidden || this.load());
  }

  async load() {
    try {
      const response = await fetch(URL_OF_API, { headers: { Accept: "application/json" } });
      if (response.ok) this.update((await response.json()).announcements);
    } catch {
      // What was shown stays; the page has its own way to tell that the service is away.
    }
  }

  update(announcements) {
    const dismissed = readDismissed();
    const wanted = announcements.filter((one) => !(one.dismissable && dismissed.includes(keyOf(one))));
    const keys = wanted.map(keyOf);
    for (const [key, box] of this.boxes) {
      if (keys.includes(key)) continue;
      box.remove();
      this.boxes.delete(key);
    }
    for (const one of wanted) if (!this.boxes.has(keyOf(one))) this.add(one);
    // What is not there any more needs no note that it was dismissed.
    writeDismissed(dismissed.filter((key) => announcements.some((one) => keyOf(one) === key)));
  }

  add(one) {
    const close = one.dismissable && h("button", { type: "button", class: "btn-close", "aria-label": "Dismiss this announcement", onclick: () => this.dismiss(one) });
    const box = h("div", { class: `site-announcement site-announcement-${one.level}` },
      icon(ICONS[one.level]), h("p", {}, h("span", { class: "visually-hidden" }, `${LABELS[one.level]}: `), one.text), close || null);
    this.boxes.set(keyOf(one), box);
    this.root.append(box);
  }

  dismiss(one) {
    writeDismissed([...readDismissed(), keyOf(one)]);
    this.boxes.get(keyOf(one))?.remove();
    this.boxes.delete(keyOf(one));
    this.root.focus();
  }
}

/** A change makes another announcement of it. */
function keyOf({ id, version }) {
  return `${id} ${version}`;
}

function readDismissed() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) || "[]");
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
}

function writeDismissed(keys) {
  try {
    localStorage.setItem(KEY, JSON.stringify(keys));
  } catch {
    // A browser that keeps nothing shows it again on the next page.
  }
}

const root = document.getElementById("announcements");
if (root) new Announcements(root);
