// The ports of tasks: one small server each, whose sockets CHP's own server handles (one certificate,
// one set of timeouts, one upgrade handler for all), or which are piped as they are.

import net from "node:net";

import { ConnectionLimit } from "./sources.mjs";
import { pipeToTask } from "./tcp.mjs";

/** The port of a task can't be bound. `code` is the system's. */
export class PortError extends Error {
  constructor(port, code) {
    super(`port ${port}: ${code}`);
    this.code = code;
  }
}

export class Ports {
  #servers = new Map();

  /**
   * `handOver(socket, task)` is given the sockets of HTTP tasks; other tasks accept as many connections
   * of one source as `tcpLimit` says.
   */
  constructor(bindIp, tcpLimit, handOver) {
    this.bindIp = bindIp;
    this.tcpLimit = tcpLimit;
    this.handOver = handOver;
  }

  /** Listen for a task; raises PortError. */
  async open(task) {
    const accept = task.protocol === "tcp" ? this.#pipeSome(task) : (socket) => this.handOver(socket, task);
    const server = net.createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) => {
      task.traffic.track(socket);
      accept(socket);
    });
    await /** @type {Promise<void>} */ (new Promise((resolve, reject) => {
      server.once("error", (/** @type {NodeJS.ErrnoException} */ error) => reject(new PortError(task.port, error.code)));
      server.listen({ host: this.bindIp, port: task.port, exclusive: true }, resolve);
    }));
    server.removeAllListeners("error");
    // Out of file descriptors, say: the next connection may fare better.
    server.on("error", () => {});
    this.#servers.set(task.port, { server, task });
  }

  #pipeSome(task) {
    const limit = new ConnectionLimit(this.tcpLimit);
    return (socket) => {
      if (limit.admit(socket)) pipeToTask(socket, task, Date.now());
      else socket.destroy();
    };
  }

  /** The task of a port, or null. */
  find(port) {
    return this.#servers.get(port)?.task ?? null;
  }

  /** Stop listening for a task. */
  close(task) {
    this.#servers.get(task.port)?.server.close();
    this.#servers.delete(task.port);
  }
}
