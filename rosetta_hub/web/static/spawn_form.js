// Where the form goes, and with what it is filled in.

import { all, element, first } from "./dom.js";
import { addressIn, pathInServer } from "./link_target.js";

const KEY = "rosetta-spawn";
const LONGEST = 30;

/**
 * A name that JupyterHub accepts for a server: up to 30 lowercase letters, digits and single
 * hyphens, beginning with a letter, ending with a letter or digit (jupyterhub/slugs.py).
 */
function slugOf(name, names = []) {
  const plain = name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  let slug = plain.replace(/[^a-z0-9]+/g, "-").replace(/^-/, "");
  if (!/^[a-z]/.test(slug)) slug = `task-${slug}`;
  slug = shorten(slug, LONGEST);
  for (let number = 2, base = slug; names.includes(slug); number += 1) {
    slug = `${shorten(base, LONGEST - String(number).length - 1)}-${number}`;
  }
  return slug;
}

function shorten(slug, length) {
  return slug.slice(0, length).replace(/-+$/, "");
}

/**
 * Points the form at /hub/spawn/<user>/<server name>. A page of a server that has a name already
 * (after an error, or a link to one) goes where it is.
 */
export function setAction(form) {
  // The form may be sent twice, after "back", with another name.
  form.dataset.first ??= form.getAttribute("action") || location.href;
  const url = new URL(form.dataset.first, location.href);
  url.search = withoutOptions(url.search);
  const [base, user, server] = split(url.pathname);
  if (server) {
    form.setAttribute("action", url.pathname + url.search);
    return;
  }
  const name = String(new FormData(form).get("name") ?? "").trim()
    || form.querySelector("input[name=software]:checked")?.dataset.name || "";
  const owner = user || encodeURIComponent(form.dataset.user || element("catalogue").dataset.user);
  const slug = slugOf(name, JSON.parse(form.dataset.taken || "[]"));
  url.pathname = `${base}/${owner}/${slug}`;
  const path = pathInServer(form);
  if (path !== null) url.searchParams.set("next", addressIn(form, slug, path));
  form.setAttribute("action", url.pathname + url.search);
}

/** Parameters of a form's address that are the hub's; the others have filled in the form. */
const HUB_PARAMETERS = ["next", "display_name", "_xsrf"];

function withoutOptions(search) {
  const parameters = [...new URLSearchParams(search)].filter(([name]) => HUB_PARAMETERS.includes(name));
  return new URLSearchParams(parameters).toString();
}

function split(path) {
  const match = /^(.*?\/hub\/spawn)(?:\/([^/]+))?(?:\/([^/]+))?\/?$/.exec(path);
  return match ? [match[1], match[2], match[3]] : [path.replace(/\/$/, ""), undefined, undefined];
}

/**
 * Fills in the form. After an error the hub sends it anew, empty, and whoever sets up a key on the
 * tunnel leaves it: what was chosen is put back, once. Otherwise a link may have options in its
 * query. Returns the values, by field name, for fields whose choices are made later, out of the
 * catalogue.
 */
export function fillIn(form) {
  const stored = storedEntries();
  const preset = Object.entries(JSON.parse(element("catalogue").dataset.preset));
  const entries = preset.length ? preset : stored;
  form.addEventListener("submit", () => storeChoice(form, false));
  first("#identity a")?.addEventListener("click", () => storeChoice(form, true));
  restore(form, entries);
  return new Map(entries);
}

function storedEntries() {
  const stored = JSON.parse(sessionStorage.getItem(KEY) || "null");
  sessionStorage.removeItem(KEY);
  const isWanted = stored && (stored.away || element("spawn-error"));
  return isWanted ? stored.entries : [];
}

function storeChoice(form, away) {
  const entries = [...new FormData(form)].filter(([, value]) => typeof value === "string");
  sessionStorage.setItem(KEY, JSON.stringify({ entries, away }));
}

function restore(form, entries) {
  for (const [name, value] of entries) {
    if (name === "software") {
      const radio = all("input[name=software]", form).find((choice) => choice.value === value);
      if (radio) radio.checked = true;
      continue;
    }
    for (const field of form.elements) {
      if (field.name !== name || ["checkbox", "file", "hidden"].includes(field.type)) continue;
      if (field.type === "radio") field.checked = field.value === value;
      else field.value = value;
    }
  }
}
