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

/** After an error the hub sends the form anew, empty: what was chosen is put back, once. */
export function keepChoice(form) {
  const stored = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  if (stored && document.getElementById("spawn-error")) restore(form, JSON.parse(stored));
  form.addEventListener("submit", () => {
    sessionStorage.setItem(KEY, JSON.stringify([...new FormData(form)].filter(([, value]) => typeof value === "string")));
  });
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
      // The choices of a select are made later, out of the catalogue.
      field.dataset.kept = value;
    }
  }
}
