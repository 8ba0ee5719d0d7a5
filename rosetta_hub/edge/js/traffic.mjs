// The connections of a task: what went over them, when, and the end of them.

export class Traffic {
  #sockets = new Set();
  #streams = new Map();
  #closedIn = 0;
  #closedOut = 0;
  lastRequest = null;

  /** Count a connection until it closes. */
  track(socket) {
    if (this.#sockets.has(socket)) return;
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#closedIn += socket.bytesRead;
      this.#closedOut += socket.bytesWritten;
    });
  }

  /** Note a use over a connection, and watch it: from now on, traffic on it counts as use. */
  use(socket, session, now) {
    this.#condition(session, now);
    const stream = this.#streams.get(socket);
    if (stream?.session === session) return;
    stream?.session?.streams.delete(socket);
    session?.streams.add(socket);
    if (stream !== undefined) {
      stream.session = session;
      return;
    }
    this.#streams.set(socket, { session, seen: 0 });
    socket.once("close", () => this.#forget(socket));
  }

  #forget(socket) {
    this.#streams.get(socket).session?.streams.delete(socket);
    this.#streams.delete(socket);
  }

  #condition(session, now) {
    this.lastRequest = now;
    if (session !== null) session.lastUsed = now;
  }

  /** Note the use of the watched connections over which something went since the last time. */
  sample(now) {
    for (const [socket, stream] of this.#streams) {
      const total = socket.bytesRead + socket.bytesWritten;
      if (total !== stream.seen) this.#condition(stream.session, now);
      stream.seen = total;
    }
  }

  /** Cut every connection. */
  destroy() {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Cut the connections that belong to no session: protocols other than HTTP. */
  destroyAnonymous() {
    for (const [socket, { session }] of this.#streams) if (session === null) socket.destroy();
  }

  activity() {
    const sum = (key) => [...this.#sockets].reduce((bytes, socket) => bytes + socket[key], 0);
    return {
      bytes_in: this.#closedIn + sum("bytesRead"),
      bytes_out: this.#closedOut + sum("bytesWritten"),
      last_request: this.lastRequest,
      connections: this.#sockets.size,
    };
  }
}
