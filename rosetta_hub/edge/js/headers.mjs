// What a container sees of a request, and what a browser sees of its answer.

import { STATUS_CODES } from "node:http";

import { rewriteSetCookie } from "./cookies.mjs";
import { rewriteLocation } from "./redirects.mjs";

// Hop by hop (RFC 9110, 7.6.1), answered here already (Expect), or read as trust by some servers.
const REQUEST_DROPS = [
  "connection", "expect", "forwarded", "keep-alive", "proxy", "proxy-authorization",
  "proxy-connection", "te", "trailer", "upgrade", "x-real-ip", "x-scheme",
];
// Hop by hop, or acting on the whole host, so on the hub and on every other task. A `Trailer` beside a
// `Content-Length` makes Node throw.
const RESPONSE_DROPS = [
  "alt-svc", "clear-site-data", "connection", "expect-ct", "keep-alive", "nel", "proxy-authenticate",
  "proxy-connection", "public-key-pins", "public-key-pins-report-only", "report-to",
  "sec-session-registration", "secure-session-registration", "set-cookie2",
  "strict-transport-security", "trailer", "upgrade",
];
// How a socket that listens on IPv6 shows an IPv4 client.
const MAPPED = /^::ffff:(?=[\d.]+$)/;
const BAD_REASON = /[^\t\x20-\x7e\x80-\xff]/;

/** Make the headers of a request those that its container gets, in place. */
export function cleanRequest(req, task, ownCookies, scheme) {
  const headers = req.headers;
  for (const name of REQUEST_DROPS) {
    if (headers[name] !== undefined) delete headers[name];
  }
  for (const name in headers) {
    if (name.startsWith("x-forwarded-")) delete headers[name];
  }
  if (headers.cookie !== undefined) delete headers.cookie;
  if (ownCookies !== "") headers.cookie = ownCookies;
  if (task.authorization !== null) headers.authorization = task.authorization;
  // A unix socket has no address: there the client is a program on the user's own machine.
  headers["x-forwarded-for"] = (req.socket.remoteAddress ?? "127.0.0.1").replace(MAPPED, "");
  headers["x-forwarded-proto"] = scheme;
  headers["x-forwarded-host"] = headers.host;
}

/** The same for an upgrade, which stays one. */
export function cleanUpgrade(req, task, ownCookies, scheme) {
  cleanRequest(req, task, ownCookies, scheme);
  req.headers.connection = "Upgrade";
  req.headers.upgrade = "websocket";
}

/** Make the headers of a container's answer those that the browser gets, in place. */
export function cleanResponse(proxyRes, task, tls, hubNames) {
  const headers = proxyRes.headers;
  for (const name of RESPONSE_DROPS) {
    if (headers[name] !== undefined) delete headers[name];
  }
  if (headers.location !== undefined) headers.location = rewriteLocation(headers.location, task.ownPorts);
  if (headers["set-cookie"] !== undefined) {
    const lines = headers["set-cookie"].flatMap((line) =>
      rewriteSetCookie(line, task.cookiePrefix, tls, hubNames),
    );
    if (lines.length > 0) headers["set-cookie"] = lines;
    else delete headers["set-cookie"];
  }
  // Node throws on a reason phrase with control characters, though it reads them.
  if (BAD_REASON.test(proxyRes.statusMessage)) {
    proxyRes.statusMessage = STATUS_CODES[proxyRes.statusCode] ?? "";
  }
}
