// Which page a request comes from. The ports of one host are "same-site", so SameSite cookies don't
// tell; Fetch Metadata and `Origin` do (https://w3c.github.io/webappsec-fetch-metadata/).

/** Whether a browser asks for a page of its own, in a tab rather than in a frame. */
export function isNavigation(req) {
  if (req.method !== "GET" || !(req.headers.accept ?? "").includes("text/html")) return false;
  const mode = req.headers["sec-fetch-mode"];
  if (mode === undefined) return true;
  return mode === "navigate" && req.headers["sec-fetch-dest"] === "document";
}

function isRefererForeign(req, origin) {
  const referer = req.headers.referer;
  if (referer === undefined || isNavigation(req)) return false;
  return referer !== origin && !referer.startsWith(`${origin}/`);
}

/**
 * Whether a request is one that a page of another origin made.
 *
 * From elsewhere a task can only be navigated to. Browsers send no Fetch Metadata to plain HTTP on
 * other hosts than localhost, and other clients never: there `Origin`, then `Referer`, must fit when
 * present. An `Origin: null` of the same origin comes from a page with `Referrer-Policy: no-referrer`.
 */
export function isForeign(req, origin) {
  const from = req.headers.origin;
  const site = req.headers["sec-fetch-site"];
  if (site === undefined) return from === undefined ? isRefererForeign(req, origin) : from !== origin;
  if (site === "same-origin" || site === "none") {
    return from !== undefined && from !== origin && from !== "null";
  }
  return !isNavigation(req);
}

/** Whether an upgrade comes from another page: it carries `Origin` only, which must be the task's. */
export function isUpgradeForeign(req, origin) {
  return req.headers.origin !== origin;
}

/** The same where a program without a browser may come, too: it sends no `Origin`. */
export function isLocalUpgradeForeign(req, origin) {
  return req.headers.origin !== undefined && isUpgradeForeign(req, origin);
}
