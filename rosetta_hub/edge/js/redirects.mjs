// Redirects of a container to its own address, as it knows it: http://localhost:8080/path. Software that
// does not look at `Host` sends them; in a browser they would lead to the user's own machine.

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|0\.0\.0\.0|\[::1?\])$/;
const DEFAULT_PORTS = { "http:": 80, "https:": 443 };

function parseUrl(text) {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

/** The `Location` that a browser gets: of an address of the container itself, the path alone. */
export function rewriteLocation(location, ownPorts) {
  const url = /^https?:\/\//i.test(location) ? parseUrl(location) : null;
  if (url === null) return location;
  const port = url.port === "" ? DEFAULT_PORTS[url.protocol] : Number(url.port);
  if (!LOOPBACK.test(url.hostname) || !ownPorts.includes(port)) return location;
  // "//host/" would be another host.
  return `/${url.pathname.replace(/^\/+/, "")}${url.search}${url.hash}`;
}
