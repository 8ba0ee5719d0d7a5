// Which browser asked for a ticket. Without this, a ticket would let in whoever is made to follow the
// link that holds it: into the task of somebody else, without a notice ("login CSRF").

import { randomBytes } from "node:crypto";

import { sha256 } from "./sessions.mjs";

// The longest that browsers keep a cookie: what a script sets meanwhile must not outlive it.
const KEPT_SECONDS = 400 * 24 * 3600;
const VALUE = /^[\w-]{43}$/;

/**
 * Name and attributes of the cookie that identifies a browser.
 *
 * No script may set it in the place of the edge. Over TLS the prefix sees to that in browsers that know
 * `__Host-Http-`; all others know `__Host-`, which keeps it from other hosts. Otherwise its path is the
 * longest that is sent along with a ticket, so its value comes first, and scripts can't replace it
 * because it is HttpOnly.
 */
function describeCookie(tls, openPath) {
  const shared = `Max-Age=${KEPT_SECONDS}; HttpOnly; SameSite=Lax`;
  if (tls) return { name: "__Host-Http-rosetta-browser", attributes: `Path=/; ${shared}; Secure` };
  return { name: "rosetta-browser", attributes: `Path=${openPath}; ${shared}` };
}

function readValue(header, name) {
  const pairs = (header ?? "").split(";").map((part) => part.trim());
  const value = pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
  return VALUE.test(value) ? value : null;
}

/** The SHA-256 of the browser's cookie, or null. */
export function identifyBrowser(req, tls, openPath) {
  const value = readValue(req.headers.cookie, describeCookie(tls, openPath).name);
  return value === null ? null : sha256(value);
}

/** The browser's SHA-256 with the Set-Cookie line that keeps it; a new one where it has none yet. */
export function rememberBrowser(req, tls, openPath) {
  const { name, attributes } = describeCookie(tls, openPath);
  const value = readValue(req.headers.cookie, name) ?? randomBytes(32).toString("base64url");
  return { browser: sha256(value), cookie: `${name}=${value}; ${attributes}` };
}
