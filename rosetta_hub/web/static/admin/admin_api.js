// What the tabs of the Admin page ask the API for.

import { apiUrl, call, change } from "../api.js";

/** The address of something below `api/v1/admin`, with a query of the values that are set. */
export function adminUrl(path, values = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const item of [value].flat()) if (item !== "" && item !== null && item !== undefined) query.append(name, String(item));
  }
  const text = query.toString();
  return apiUrl(`admin/${path}${text ? `?${text}` : ""}`);
}

/** Reads something below `api/v1/admin`. */
export const readAdmin = (path, values = {}) => call("GET", adminUrl(path, values));

/** Changes something below `api/v1/admin`; of what has a revision, only that one. */
export function changeAdmin(method, path, body = undefined, revision = "") {
  return revision ? change(method, adminUrl(path), revision, body) : call(method, adminUrl(path), body);
}
