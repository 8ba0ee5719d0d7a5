// The service's REST API, as the pages call it.

import { first } from "./dom.js";

const PREFIX = first("[data-prefix]")?.dataset.prefix || "/services/rosetta/";

/** An error whose message is a message for the user. */
export class ApiError extends Error {
  /** `data` is the whole answer of the API, where it was JSON. */
  constructor(message, status, data = null) {
    super(message);
    this.status = status;
    this.data = data;
  }

  /** Whether logging in again is what helps. */
  get loggedOut() {
    return this.status === 401 || this.status === 403;
  }
}

/** The address of something of the API, e.g. `tasks/3f9a/stop`. */
export function apiUrl(path) {
  return `${PREFIX}api/v1/${path}`;
}

export function taskUrl(id, rest = "") {
  return apiUrl(`tasks/${encodeURIComponent(id)}${rest}`);
}

/** The address of a stream of events: EventSource sends no headers, so the token goes along. */
export function eventsUrl(task = "", path = "events") {
  const query = new URLSearchParams({ _xsrf: xsrfToken() });
  if (task) query.set("task", task);
  return apiUrl(`${path}?${query}`);
}

/** The token that JupyterHub wants with each request of a script. */
export function xsrfToken() {
  // Several cookies may have the name; the browser puts the one of the longest path first.
  const cookie = document.cookie.split("; ").find((text) => text.startsWith("_xsrf="));
  return cookie ? cookie.slice("_xsrf=".length) : "";
}

/**
 * Calls the API and returns its JSON (null for an empty answer). `signal` may cancel it.
 * Throws ApiError with the API's own message.
 */
export async function call(method, url, body = undefined, signal = undefined) {
  if (body === undefined) return readAnswer(await request(method, url, undefined, {}, signal));
  return send(method, url, JSON.stringify(body), { "Content-Type": "application/json" });
}

/** All entries of a list, page by page: `key` is their name in the answers. */
export async function readPages(url, key) {
  const entries = [];
  let after = "";
  do {
    const query = new URLSearchParams({ limit: "500", ...(after && { after }) });
    const page = await call("GET", `${url}${url.includes("?") ? "&" : "?"}${query}`);
    entries.push(...page[key]);
    after = page.next;
  } while (after);
  return entries;
}

/** As `call`, with a body that is sent as it is, and more headers. */
export async function send(method, url, body, more = {}) {
  return readAnswer(await request(method, url, body, more));
}

/** Changes what has a revision, if it still has this one; throws an ApiError of 412 if not. */
export function change(method, url, revision, body = undefined) {
  const headers = { "Content-Type": "application/json", "If-Match": `"${revision}"` };
  return send(method, url, body === undefined ? undefined : JSON.stringify(body), headers);
}

/** The bytes of a file, and the tag of its version. */
export async function readBytes(url) {
  const response = await request("GET", url);
  if (!response.ok) await readAnswer(response);
  const etag = (response.headers.get("ETag") || "").replace(/^(W\/)?"|"$/g, "");
  return { bytes: await response.arrayBuffer(), etag };
}

async function request(method, url, body = undefined, more = {}, signal = undefined) {
  // JupyterHub wants the token for reading, too, where a script asks.
  const headers = { Accept: "application/json", "X-XSRFToken": xsrfToken(), ...more };
  try {
    return await fetch(url, { method, headers, body, signal });
  } catch {
    throw new ApiError("The service can't be reached. Please try again in a moment.", 0);
  }
}

/**
 * Reads from the API on a page of the hub, which has no token of the service's: JupyterHub wants
 * none for what an image would send, and a page of the same origin may read the answer. Whoever
 * has not been at the service yet is logged in on the way, as by following a link to it.
 * Throws ApiError, after `patience` (milliseconds) at the latest.
 */
export async function read(url, patience) {
  const signal = AbortSignal.timeout(patience);
  const once = () => fetch(url, { mode: "no-cors", headers: { Accept: "application/json" }, signal });
  let response;
  try {
    response = await once();
    if (response.status === 401 || response.status === 403) {
      await fetch(PREFIX, { mode: "no-cors", signal });
      response = await once();
    }
  } catch {
    throw new ApiError("The service does not answer.", 0);
  }
  return readAnswer(response);
}

async function readAnswer(response) {
  const text = await response.text();
  const json = (response.headers.get("Content-Type") || "").includes("json");
  let data = null;
  try {
    data = json && text ? JSON.parse(text) : null;
  } catch {
    throw new ApiError("The service gave an answer that makes no sense.", response.status);
  }
  // A login page instead of JSON: the session has ended.
  if (response.ok && !json && text) throw new ApiError("You are logged out. Please reload the page.", 401);
  if (response.ok) return data;
  throw new ApiError(data?.detail || fallback(response.status), response.status, data);
}

function fallback(status) {
  if (status === 401 || status === 403) return "You are logged out, or this is not yours. Please reload the page.";
  return `The service answered with an error (${status}). Please try again.`;
}
