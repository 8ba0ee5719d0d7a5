// Asks a backend behind a unix socket, on bare sockets: the client must not be what is measured.
//   node tunnel_client.mjs SOCKET requests|parts|bulk CONNECTIONS SECONDS
// Prints {"requests", "bytes", "p50", "p99"}: the times of requests are in milliseconds.

import net from "node:net";

const [socket, mode, connections, seconds] = process.argv.slice(2);
const PATHS = { requests: "/", parts: "/parts", bulk: "/bulk" };
const REQUEST = `GET ${PATHS[mode]} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
const times = [];
let bytes = 0;
let requests = 0;

function ask(connection) {
  connection.since = performance.now();
  connection.write(REQUEST);
}

function receive(connection, data) {
  bytes += data.length;
  if (mode === "bulk") return;
  connection.size += data.length;
  // All answers are alike: the length of the first one is that of all.
  if (connection.length === 0) {
    connection.text += data.toString("latin1");
    const end = connection.text.indexOf("\r\n\r\n");
    if (end < 0) return;
    if (!connection.text.startsWith("HTTP/1.1 200")) fail(connection.text);
    connection.length = end + 4 + 1024;
  }
  if (connection.size < connection.length) return;
  connection.size -= connection.length;
  requests += 1;
  times.push(performance.now() - connection.since);
  ask(connection);
}

function fail(reason) {
  console.error(`failed: ${reason}`);
  process.exit(1);
}

for (let number = 0; number < Number(connections); number++) {
  const connection = net.connect(socket, () => ask(connection));
  Object.assign(connection, { size: 0, length: 0, text: "", since: 0 });
  connection.on("data", (data) => receive(connection, data));
  connection.on("error", (error) => fail(error.message));
  connection.on("close", () => fail("closed"));
}
setTimeout(() => {
  times.sort((one, other) => one - other);
  const at = (part) => times[Math.floor((times.length - 1) * part)] ?? 0;
  console.log(JSON.stringify({ requests, bytes, p50: at(0.5), p99: at(0.99) }));
  process.exit(0);
}, Number(seconds) * 1000);
