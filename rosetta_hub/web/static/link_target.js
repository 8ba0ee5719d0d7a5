// Links to a path of a user's server, such as nbgitpuller's. They name the default server; here they
// open in a task of the user's choice, new or running.

import { all, element, h } from "./dom.js";

/** The path, with its query, that a link opens in a server; null for other links. */
export function pathInServer(form) {
  const next = new URLSearchParams(location.search).get("next") || "";
  const { servers, hubServers, taken: names } = form.dataset;
  const prefix = [servers, hubServers].find((start) => next.startsWith(start));
  if (prefix === undefined) return null;
  const path = next.slice(prefix.length);
  const [first] = path.split(/[/?#]/, 1);
  return first && JSON.parse(names).includes(first) ? null : path;
}

/** The address of that path in a server. */
export function addressIn(form, server, path) {
  return `${form.dataset.servers}${encodeURIComponent(server)}/${path}`;
}

/** Says what the link opens, and offers the running tasks for it. */
export function showLinkTarget(form) {
  const path = pathInServer(form);
  if (!path) return;
  const box = element("link-target");
  const web = new Set(all("input[data-web]", form).map(({ value }) => value));
  const running = JSON.parse(form.dataset.running).filter(({ software }) => web.has(software));
  box.querySelector("code").textContent = decoded(path.split("?")[0]);
  box.querySelector("[data-running]").hidden = running.length === 0;
  box.querySelector(".actions").append(...running.map(({ server, name }) => h("a",
    { class: "btn btn-sm btn-outline-secondary", href: addressIn(form, server, path) }, name || server)));
  box.hidden = false;
}

function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
