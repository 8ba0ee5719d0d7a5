// The page "Account": a list of sections, each a module of its own.

import { all, element, first, h } from "../dom.js";
import { buildData } from "./data.js";
import { buildDates } from "./dates.js";
import { buildGroups } from "./groups.js";
import { buildKeys } from "./keys.js";
import { buildLogins } from "./logins.js";
import { buildMail } from "./mail.js";
import { buildPassword } from "./password.js";
import { buildRegistries } from "./registries.js";
import { buildSessions } from "./sessions.js";
import { buildTokens } from "./tokens.js";

/**
 * In the order of the page. `build(root)` fills an empty element, and may return a promise that is
 * fulfilled when there is something to see; with a 404 of the API the section is not shown. With
 * `ours`, a section needs the hub to have Rosetta Hub's own authenticator, with `local` its local
 * accounts. The id is the section's part of the address: `account#mail`.
 * @type {{id: string, title: string, build: (root: any) => any, ours?: boolean, local?: boolean}[]}
 */
const SECTIONS = [
  { id: "logins", title: "Logins", build: buildLogins, ours: true },
  { id: "password", title: "Password", build: buildPassword, local: true },
  { id: "keys", title: "Keys", build: buildKeys },
  { id: "registries", title: "Registries", build: buildRegistries },
  { id: "mail", title: "Mail", build: buildMail },
  { id: "dates", title: "Dates and times", build: buildDates },
  { id: "sessions", title: "Sessions", build: buildSessions },
  { id: "tokens", title: "API tokens", build: buildTokens },
  { id: "groups", title: "Groups", build: buildGroups },
  { id: "data", title: "Your data", build: buildData },
];

const container = element("account-sections");

async function show({ id, title, build }) {
  const root = h("div", { class: "account-section", hidden: true });
  const skeleton = h("div", { class: "skeleton", "aria-hidden": "true" });
  // The heading has the id, so that a link moves the focus there, too.
  const heading = h("h2", { class: "section-title", id, tabindex: "-1" }, title);
  const section = h("section", { "aria-labelledby": id }, heading, skeleton, root);
  container.append(section);
  try {
    await build(root);
  } catch (error) {
    if (error.status === 404) {
      // This hub does not have it.
      section.remove();
      first(`#account-navigation a[href="#${id}"]`).parentElement.remove();
      return;
    }
    root.replaceChildren(h("div", { class: "banner alert alert-warning", role: "alert" }, error.message));
  }
  root.hidden = false;
  skeleton.remove();
}

function buildNavigation(sections) {
  const items = sections.map(({ id, title }) => h("li", {}, h("a", { href: `#${id}` }, title)));
  element("account-navigation").append(...items);
}

// How far down the window, as a part of it, the title of the section that one reads may be.
const READING = 0.25;

/** Marks the link of the section that one reads: the last one whose title has come up so far. */
function markCurrent() {
  const sections = [...container.children].reverse();
  const limit = READING * window.innerHeight;
  const current = sections.find((section) => section.getBoundingClientRect().top <= limit) || sections.at(-1);
  const href = `#${current.getAttribute("aria-labelledby")}`;
  for (const link of all("a", element("account-navigation"))) {
    if (link.hash === href) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

/** Goes where the address leads: the browser has looked before there was anything. */
function followAddress() {
  const target = element(decodeURIComponent(location.hash.slice(1)));
  (target?.hasAttribute("tabindex") ? target : target && first("[tabindex]", target))?.focus();
}

async function load() {
  const ours = container.dataset.authenticator === "ours";
  const local = container.dataset.accounts === "local";
  const sections = SECTIONS.filter((section) => (ours || !section.ours) && (local || !section.local));
  buildNavigation(sections);
  await Promise.all(sections.map(show));
  if (location.hash) followAddress();
  markCurrent();
  document.addEventListener("scroll", markCurrent, { passive: true });
}

load();
