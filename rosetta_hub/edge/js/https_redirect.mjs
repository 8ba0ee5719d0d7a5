// Plain HTTP on a port of HTTPS: users type addresses without the scheme, and are sent to the right one.

// The first byte of a TLS connection (RFC 8446, 5.1).
const HANDSHAKE = 0x16;
const FIRST_BYTES_TIMEOUT = 20_000;
const FIRST_LINE = /^[A-Z]+ (\/[\x21-\x7e]*) HTTP\/1\.[01]\r\n/;
const HOST = /\r\nhost:[ \t]*([^\s]+)[ \t]*\r\n/i;

// Read from the first bytes alone: a browser's first line and `Host` are in its first packet.
function buildRedirect(bytes, task) {
  const head = bytes.toString("latin1");
  const path = FIRST_LINE.exec(head)?.[1];
  const isOwnHost = HOST.exec(head)?.[1].toLowerCase() === task.hostHeader;
  if (path === undefined || !isOwnHost) return null;
  const lines = [
    "HTTP/1.1 308 Permanent Redirect",
    `Location: ${task.origin}${path}`,
    "Cache-Control: no-store",
    "Content-Length: 0",
    "Connection: close",
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Pass a TLS connection on to `handOver(socket)`; answer plain HTTP for this task; close all else. */
export function sortTls(socket, task, handOver) {
  const drop = () => socket.destroy();
  const timer = setTimeout(drop, FIRST_BYTES_TIMEOUT);
  socket.once("close", () => clearTimeout(timer));
  socket.on("error", drop);
  socket.once("readable", () => {
    clearTimeout(timer);
    const bytes = socket.read();
    if (bytes?.[0] === HANDSHAKE) {
      socket.unshift(bytes);
      handOver(socket);
      return;
    }
    const redirect = bytes === null ? null : buildRedirect(bytes, task);
    if (redirect !== null) socket.write(redirect);
    socket.destroySoon();
  });
}
