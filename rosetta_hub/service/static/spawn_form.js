// Where the form goes, and what it keeps.

const KEY = "rosetta-spawn";
const LONGEST = 30;

/**
 * A name that JupyterHub accepts for a server: up to 30 lowercase letters, digits and single
 * hyphens, beginning with a letter, ending with a letter or digit (jupyterhub/slugs.py).
 */
export function slugOf(name, taken = []) {
  const plain = name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  let slug = plain.replace(/[^a-z0-9]+/g, "-").replace(/^-/, "");
  if (!/^[a-z]/.test(slug)) slug = `task-${slug}`;
  slug = shorten(slug, LONGEST);
  for (let number = 2, base = slug; taken.includes(slug); number += 1) {
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
  const [base, user, server] = split(url.pathname);
  if (server) return;
  const name = new FormData(form).get("name")?.trim()
    || form.querySelector("input[name=software]:checked")?.dataset.name || "";
  const owner = user || encodeURIComponent(form.dataset.user || document.getElementById("catalogue").dataset.user);
  url.pathname = `${base}/${owner}/${slugOf(name, JSON.parse(form.dataset.taken || "[]"))}`;
  form.setAttribute("action", url.pathname + url.search);
}

function split(path) {
  const match = /^(.*?\/hub\/spawn)(?:\/([^/]+))?(?:\/([^/]+))?\/?$/.exec(path);
  return match ? [match[1], match[2], match[3]] : [path.replace(/\/$/, ""), undefined, undefined];
}

/**
 * After an error the hub sends the form anew, empty, and whoever sets up a key on the way leaves
 * it: what was chosen is put back, once. Returns what was in the fields, by name, for those whose
 * choices are made later, out of the catalogue.
 */
export function keepChoice(form) {
  const stored = JSON.parse(sessionStorage.getItem(KEY) || "null");
  sessionStorage.removeItem(KEY);
  const wanted = stored && (stored.away || document.getElementById("spawn-error"));
  form.addEventListener("submit", () => storeChoice(form, false));
  document.querySelector("#identity a")?.addEventListener("click", () => storeChoice(form, true));
  if (wanted) restore(form, stored.entries);
  return new Map(wanted ? stored.entries : []);
}

function storeChoice(form, away) {
  const entries = [...new FormData(form)].filter(([, value]) => typeof value === "string");
  sessionStorage.setItem(KEY, JSON.stringify({ entries, away }));
}

function restore(form, entries) {
  for (const [name, value] of entries) {
    if (name === "software") {
      const radio = [...form.querySelectorAll("input[name=software]")].find((one) => one.value === value);
      if (radio) radio.checked = true;
      continue;
    }
    for (const field of form.elements) {
      if (field.name !== name || ["radio", "checkbox", "file", "hidden"].includes(field.type)) continue;
      field.value = value;
    }
  }
}
