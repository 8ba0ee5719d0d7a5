// How many connections one source address may have. Without a limit a single stranger could use up the
// edge's file descriptors, or the connections that a container's server allows.

const MAPPED = /^::ffff:(?=[\d.]+$)/;

/** What counts as one source: an IPv4 address, or the /64 network of an IPv6 address. */
export function findSource(address) {
  const plain = (address ?? "").replace(MAPPED, "");
  if (!plain.includes(":")) return plain;
  const [head, tail = ""] = plain.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (plain.includes("::")) {
    const rest = tail === "" ? [] : tail.split(":");
    while (groups.length + rest.length < 8) groups.push("0");
    groups.push(...rest);
  }
  return groups.slice(0, 4).join(":");
}

/** A limit of open connections of each source; 0 is none. */
export class ConnectionLimit {
  #counts = new Map();

  constructor(limit) {
    this.limit = limit;
  }

  /** Count a connection until it closes; false, uncounted, where its source has too many. */
  admit(socket) {
    const source = findSource(socket.remoteAddress);
    const count = this.#counts.get(source) ?? 0;
    if (this.limit > 0 && count >= this.limit) return false;
    this.#counts.set(source, count + 1);
    socket.once("close", () => this.#leave(source));
    return true;
  }

  #leave(source) {
    const count = this.#counts.get(source) - 1;
    if (count === 0) this.#counts.delete(source);
    else this.#counts.set(source, count);
  }
}

const IDENTIFIED = Symbol("whether a connection has shown a session");

// The same for a connection and for the TLS socket on top of it.
const keyOf = (socket) => `${socket.remoteAddress} ${socket.remotePort} ${socket.localPort}`;

/**
 * Connections over which no session has been shown yet, a limited number of each source; 0 is no limit.
 *
 * Where there are too many, the oldest is closed rather than the newest refused: a user shows a session
 * at once, and passes a crowd of idle connections from the same address, such as a reverse proxy's.
 */
export class AnonymousConnections {
  #bySource = new Map();

  constructor(limit) {
    this.limit = limit;
  }

  /** Count a connection until it closes or shows a session. */
  add(socket) {
    const source = findSource(socket.remoteAddress);
    const key = keyOf(socket);
    const sockets = this.#bySource.get(source) ?? new Map();
    if (this.limit === 0 || sockets.has(key)) return;
    this.#bySource.set(source, sockets.set(key, socket));
    socket.once("close", () => this.#remove(source, key));
    if (sockets.size <= this.limit) return;
    const [oldestKey, oldest] = sockets.entries().next().value;
    this.#remove(source, oldestKey);
    oldest.destroy();
  }

  /** A session was shown over this connection. */
  identify(socket) {
    if (socket[IDENTIFIED]) return;
    socket[IDENTIFIED] = true;
    this.#remove(findSource(socket.remoteAddress), keyOf(socket));
  }

  #remove(source, key) {
    const sockets = this.#bySource.get(source);
    sockets?.delete(key);
    if (sockets?.size === 0) this.#bySource.delete(source);
  }
}
