// Requests that have more than one reading. Shared by the edge and the hub's proxy.

const REFUSALS = {
  trace: { status: 405, text: "TRACE is not allowed.\n", headers: { Allow: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" } },
  length: { status: 411, text: "DELETE and OPTIONS need a Content-Length when they have a body.\n", headers: {} },
  old: { status: 400, text: "HTTP/1.0 has no Transfer-Encoding.\n", headers: {} },
  hosts: { status: 400, text: "A request names one Host.\n", headers: {} },
  upgrade: { status: 400, text: "An upgrade has no body.\n", headers: {} },
};

// Node shows the first Host of several; a server behind a proxy may take the last.
function hasSeveralHosts({ rawHeaders }) {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index].length === 4 && rawHeaders[index].toLowerCase() === "host") count += 1;
  }
  return count > 1;
}

/**
 * The reason to refuse a request, or null.
 *
 * http-proxy sets `Content-Length: 0` on DELETE and OPTIONS and still sends the chunked body, which the
 * backend reads as a second request on a connection that other clients share (node-http-proxy #1721).
 * TRACE would echo the headers that are added on the way.
 */
export function framingRefusal(req) {
  const chunked = req.headers["transfer-encoding"] !== undefined;
  if (req.method === "TRACE") return REFUSALS.trace;
  if (hasSeveralHosts(req)) return REFUSALS.hosts;
  if (!chunked) return null;
  if (req.method === "DELETE" || req.method === "OPTIONS") return REFUSALS.length;
  return req.httpVersion === "1.0" ? REFUSALS.old : null;
}

/**
 * The reason to refuse an upgrade, or null.
 *
 * http-proxy passes the length on without the body: the backend would wait for it, and read it out of
 * the next request.
 */
export function upgradeFramingRefusal(req) {
  const chunked = req.headers["transfer-encoding"] !== undefined;
  const length = req.headers["content-length"];
  const hasBody = chunked || (length !== undefined && Number(length) !== 0);
  return hasBody || req.method !== "GET" ? REFUSALS.upgrade : null;
}
