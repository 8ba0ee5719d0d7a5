// Protocols other than HTTP: bytes both ways, until both ends are done.

import net from "node:net";

/** Join a client's socket to its task's container; without one, close it. */
export function pipeToTask(socket, task, now) {
  const address = task.address;
  socket.on("error", () => socket.destroy());
  if (address === null) {
    socket.destroy();
    return;
  }
  task.traffic.use(socket, null, now);
  const upstream = net.connect({ ...address, allowHalfOpen: true, noDelay: true, keepAlive: true });
  upstream.on("error", () => upstream.destroy());
  // An end of one direction passes on as such; the loss of a side ends the other.
  socket.pipe(upstream).pipe(socket);
  upstream.once("close", () => socket.destroySoon());
  socket.once("close", () => upstream.destroy());
}
