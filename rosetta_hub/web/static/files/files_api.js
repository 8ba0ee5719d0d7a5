// The files API of the service, as the page of files calls it. Paths are encoded already.

import { apiUrl, call, readPages, send } from "../api.js";

const storageUrl = (id, rest = "") => apiUrl(`storages/${encodeURIComponent(id)}${rest}`);

/** An address with those parameters that have a value; `true` is written as 1. */
function withQuery(url, parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== "" && value !== false) query.set(name, value === true ? "1" : String(value));
  }
  const text = String(query);
  return text ? `${url}?${text}` : url;
}

export const PAGE_SIZE = 1000;

export async function listStorages() {
  return (await call("GET", apiUrl("storages"))).storages;
}

/** A storage with its usage: contacts it, which may take seconds. */
export const askStorage = (id) => call("GET", storageUrl(id));

export const listFolder = (id, path, options) => call("GET", withQuery(storageUrl(id, `/list/${path}`), { limit: PAGE_SIZE, ...options }));

export const askEntry = (id, path) => call("GET", storageUrl(id, `/entry/${path}`));

export const fileUrl = (id, path, options = {}) => withQuery(storageUrl(id, `/file/${path}`), options);

export const downloadUrl = (id, path) => fileUrl(id, path, { download: true });

/** Writes a whole small file; `etag` is of the version that is replaced, null for a new file. */
export function writeFile(id, path, text, etag) {
  const condition = etag === null ? { "If-None-Match": "*" } : { "If-Match": `"${etag}"` };
  return send("PUT", fileUrl(id, path), new Blob([text]), { "Content-Type": "application/octet-stream", ...condition });
}

export const makeFolder = (id, path) => call("POST", storageUrl(id, `/folder/${path}`));

export const rename = (id, from, to, overwrite = false) => call("POST", storageUrl(id, "/rename"), { from, to, overwrite });

export const remove = (id, paths) => call("POST", storageUrl(id, "/remove"), { paths, dry_run: false });

/** What removing would remove: `{files, folders, bytes}`. */
export const askSummary = (id, paths) => call("POST", storageUrl(id, "/remove"), { paths, dry_run: true });

export const uploadsUrl = (id) => storageUrl(id, "/uploads");

export const makeArchive = (id, paths, format) => call("POST", storageUrl(id, "/archive"), { paths, format });

export const previewUrl = (id, path, kind, options = {}) => withQuery(storageUrl(id, `/preview/${path}`), { kind, ...options });

export const askPreview = (id, path, kind) => call("GET", previewUrl(id, path, kind));

export async function listCopies() {
  return readPages(apiUrl("copies"), "copies");
}

export const startCopy = (from, to, conflict = null) => call("POST", apiUrl("copies"), { from, to, conflict });

/** Cancels a copy, or forgets one that has ended. */
export const dropCopy = (id) => call("DELETE", apiUrl(`copies/${encodeURIComponent(id)}`));
