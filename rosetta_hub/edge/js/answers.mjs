// The edge's own answers, on a response or, during an upgrade, on the bare socket.

import { STATUS_CODES } from "node:http";

const OWN_HEADERS = {
  "Cache-Control": "no-store",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/** Answer `text` and, where a body of the request is left unread, close the connection. */
export function answer(req, res, status, text, headers = {}) {
  if (res.headersSent || res.writableEnded || res.destroyed) {
    res.destroy();
    return;
  }
  const body = Buffer.from(text);
  /** @type {import("node:http").OutgoingHttpHeaders} */
  const all = {
    "Content-Type": "text/plain; charset=utf-8",
    ...OWN_HEADERS,
    ...headers,
    "Content-Length": body.length,
  };
  const hasBody = req.headers["transfer-encoding"] !== undefined || req.headers["content-length"] > 0;
  if (hasBody || status === 421 || status === 400) all.Connection = "close";
  // Named, because http-proxy may have left a container's reason phrase on the response.
  res.writeHead(status, STATUS_CODES[status], all);
  res.end(req.method === "HEAD" ? undefined : body);
}

/** The same on the socket of an upgrade, which is closed then. */
export function answerSocket(socket, status, text) {
  const body = Buffer.from(text);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Content-Type: text/plain; charset=utf-8",
    ...Object.entries(OWN_HEADERS).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${body.length}`,
    "Connection: close",
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  socket.write(body);
  socket.destroySoon();
}
