// The page "Account": a list of sections, each a module of its own.

import { all, element, first, h } from "../dom.js";
import { buildKeys } from "./keys.js";
import { buildLogins } from "./logins.js";
import { buildMail } from "./mail.js";
import { buildPassword } from "./password.js";
import { buildRegistries } from "./registries.js";

/**
 * In the order of the page. `build(root)` fills an empty element, and may return a promise that is
 * fulfilled when there is something to see. With `ours`, a section needs the hub to have Rosetta
 * Hub's own authenticator, with `local` its local accounts. The id is the section's part of the address: `account#mail`.
 * @type {{id: string, title: string, build: (root: any) => any, ours?: boolean, local?: boolean}[]}
 */
const SECTIONS = [
  { id: "logins", title: "Logins", build: buildLogins, ours: true },
  { id: "password", title: "Password", build: buildPassword, local: true },
  { id: "keys", title: "Keys", build: buildKeys },
  { id: "registries", title: "Registries", build: buildRegistries },
  { id: "mail", title: "Mail", build: buildMail },
];

const container = element("account-sections");

async function show({ id, title, build }) {
  const root = h("div", { class: "account-section", hidden: true });
  const skeleton = h("div", { class: "skeleton", "aria-hidden": "true" });
  // The heading has the id, so that a link moves the focus there, too.
  const heading = h("h2", { class: "section-title", id, tabindex: "-1" }, title);
  container.append(h("section", { "aria-labelledby": id }, heading, skeleton, root));
  try {
    await build(root);
  } catch (error) {
    root.replaceChildren(h("div", { class: "banner alert alert-warning", role: "alert" }, error.message));
  }
  root.hidden = false;
  skeleton.remove();
}

function buildNavigation(sections) {
  const items = sections.map(({ id, title }) => h("li", {}, h("a", { href: `#${id}` }, title)));
  element("account-navigation").append(...items);
}

/** Marks the link of the section that is at the top of the window. */
function followScrolling() {
  const observer = new IntersectionObserver((entries) => {
    const section = entries.find((entry) => entry.isIntersecting)?.target;
    if (!section) return;
    const id = section.getAttribute("aria-labelledby");
    for (const link of all("a", element("account-navigation"))) {
      if (link.hash === `#${id}`) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }, { rootMargin: "0px 0px -75% 0px" });
  for (const section of container.children) observer.observe(section);
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
  followScrolling();
  if (location.hash) followAddress();
}

load();
