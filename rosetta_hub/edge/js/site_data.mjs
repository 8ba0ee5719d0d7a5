// The site data that a task leaves in a browser. A port is another task's one day, and its pages would meet
// what the pages of the one before have left there: stored data, cached answers, service workers.
// A host name is never given twice, so there all of it may stay.

// Long enough for a task that is opened again after a holiday; each port has one such cookie.
const KEPT_SECONDS = 14 * 24 * 3600;
// The HTTP cache, and all storage with the service workers. Never "cookies", which are the host's.
const CLEARED = '"cache", "storage"';

/**
 * Whether a request is for a service worker, which could outlive its task. The header is the browser's.
 *
 * Browsers also ask for one that they have, soon after it was used: so one from before the edge, which
 * could keep every other answer from the browser, meets its end in the answer to this.
 */
export function isLastingWorker(req, task) {
  return task.port !== null && req.headers["service-worker"] === "script";
}

function readOwners(header, name) {
  const pairs = (header ?? "").split(";").map((part) => part.trim());
  return pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1));
}

/**
 * What makes the browser's data of a port this task's: `{cookies, headers}` of an answer.
 *
 * A cookie of the port says whose data the browser has there. Unless it is this task's, and no page
 * has tossed in another, the headers tell the browser to forget what it has, which it does over HTTPS
 * and on loopback addresses only (https://w3c.github.io/webappsec-clear-site-data/#fetch-integration).
 */
export function claimPort(req, task) {
  if (task.port === null) return { cookies: [], headers: {} };
  const { tls } = task.context;
  const name = `${tls ? "__Host-" : ""}rosetta-port-${task.port}`;
  const owners = readOwners(req.headers.cookie, name);
  const isOwner = owners.length > 0 && owners.every((owner) => owner === task.id);
  const attributes = `Path=/; Max-Age=${KEPT_SECONDS}; HttpOnly; SameSite=Lax${tls ? "; Secure" : ""}`;
  return {
    cookies: [`${name}=${task.id}; ${attributes}`],
    headers: isOwner ? {} : { "Clear-Site-Data": CLEARED },
  };
}
