// What happens when a build has ended: chosen on the page of the link, kept in the browser's tab. It is not in the
// address of the build's page, so that no link starts anything.

const KEY = "rosetta-build-";

/** `intent` is "start" or "add"; null forgets it. */
export function setIntent(id, intent) {
  if (intent) sessionStorage.setItem(KEY + id, intent);
  else sessionStorage.removeItem(KEY + id);
}

export function intentOf(id) {
  return sessionStorage.getItem(KEY + id);
}

// Options of a start, as the address of a build's page has them.
const OPTIONS = ["computing", "size", "urlpath"];

/**
 * The query with those of the options that are set, with its question mark; empty without any.
 * @param {Record<string, string>} options
 */
export function optionsQuery(options) {
  const query = new URLSearchParams(OPTIONS.filter((name) => options[name]).map((name) => [name, options[name]]));
  return query.size ? `?${query}` : "";
}

/**
 * The options that `optionsQuery` has written.
 * @returns {Record<string, string>}
 */
export function readOptions(search) {
  const query = new URLSearchParams(search);
  return Object.fromEntries(OPTIONS.filter((name) => query.get(name)).map((name) => [name, query.get(name)]));
}
