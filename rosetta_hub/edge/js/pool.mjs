// Connections to a container that are kept open for the next request of the same session.

import http from "node:http";
import https from "node:https";

const IDLE_TIMEOUT = 60_000;
const METHODS_WITH_BODY = ["POST", "PUT", "PATCH"];

/**
 * Whether a request has a body although its method defines none (RFC 9110, 9.3).
 *
 * Many servers leave such a body unread and take it for the next request on the connection.
 */
export function hasUndefinedBody(req) {
  if (METHODS_WITH_BODY.includes(req.method)) return false;
  return req.headers["transfer-encoding"] !== undefined || Number(req.headers["content-length"] ?? 0) !== 0;
}

/**
 * The connections of one session. Sessions share none: a server that loses count of requests and
 * answers on a connection then mixes up the answers of one user, and never those of two.
 *
 * CHP has no pool for unix sockets.
 */
export class ConnectionPool {
  /** `proxyOptions`: the options of http-proxy without an agent. */
  constructor(proxyOptions) {
    const Agent = proxyOptions.target.protocol === "https:" ? https.Agent : http.Agent;
    this.agent = new Agent({ keepAlive: true, timeout: IDLE_TIMEOUT });
    this.options = { ...proxyOptions, agent: this.agent };
  }

  /** Close all connections, also those in use. */
  destroy() {
    this.agent.destroy();
  }
}
