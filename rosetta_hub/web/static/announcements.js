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
    const open = announcements.filter((announcement) => !(announcement.dismissable && dismissed.includes(keyOf(announcement))));
    const keys = open.map(keyOf);
    for (const [key, box] of this.boxes) {
      if (keys.includes(key)) continue;
      box.remove();
      this.boxes.delete(key);
    }
    for (const announcement of open) if (!this.boxes.has(keyOf(announcement))) this.add(announcement);
    // What is not there any more needs no note that it was dismissed.
    writeDismissed(dismissed.filter((key) => announcements.some((announcement) => keyOf(announcement) === key)));
  }

  add(announcement) {
    const close = announcement.dismissable && h("button", { type: "button", class: "btn-close", "aria-label": "Dismiss this announcement", onclick: () => this.dismiss(announcement) });
    const box = h("div", { class: `site-announcement site-announcement-${announcement.level}` },
      icon(ICONS[announcement.level]), h("p", {}, h("span", { class: "visually-hidden" }, `${LABELS[announcement.level]}: `), announcement.text), close || null);
    this.boxes.set(keyOf(announcement), box);
    this.root.append(box);
  }

  dismiss(announcement) {
    writeDismissed([...readDismissed(), keyOf(announcement)]);
    this.boxes.get(keyOf(announcement))?.remove();
    this.boxes.delete(keyOf(announcement));
    this.root.focus();
  }
}

/** A change makes another announcement of it. */
function keyOf({ id, version }) {
  return `${id} ${version}`;
}

function readDismissed() {
  try {
    const keys = JSON.parse(localStorage.getItem(KEY) || "[]");
    return Array.isArray(keys) ? keys : [];
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
