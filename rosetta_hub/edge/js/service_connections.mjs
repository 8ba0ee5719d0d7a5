// Connections that the service brings over the API's socket: it has checked who comes. They end at a
// program on a user's own machine, where HTTP is plain and the host is a loopback address.

import http from "node:http";

import { pipeToTask } from "./tcp.mjs";

const TASK = Symbol("task that the service has brought a connection for");
const KEEP_ALIVE_TIMEOUT = 30_000;
// What a browser on the user's machine may say; another name is a page that has rebound its own.
const LOOPBACK_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

/** The task of a connection that the service has brought, or null. */
export function findServiceTask(socket) {
  return socket[TASK] ?? null;
}

/** The origin of a request over such a connection; null where its host is no loopback address. */
export function findLocalOrigin(req) {
  const host = req.headers.host ?? "";
  return LOOPBACK_HOST.test(host) ? `http://${host.toLowerCase()}` : null;
}

/** What takes such connections to their tasks: `proxy` handles HTTP. */
export function createServiceConnections(proxy) {
  // Never listens: it is given sockets, which have no TLS even where the edge has.
  const server = http.createServer({ keepAliveTimeout: KEEP_ALIVE_TIMEOUT }, (req, res) => proxy.handleProxyWeb(req, res));
  server.on("upgrade", (req, socket, head) => proxy.handleProxyWs(req, socket, head));
  return (socket, task) => {
    task.traffic.track(socket);
    if (task.protocol === "tcp") {
      pipeToTask(socket, task, Date.now());
      return;
    }
    socket[TASK] = task;
    task.traffic.use(socket, null, Date.now());
    server.emit("connection", socket);
  };
}
