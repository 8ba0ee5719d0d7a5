// Asks a backend on bare sockets: the client must not be what is measured.
//   node tunnel_client.mjs ADDRESS requests|fresh|parts|bulk[:PATH] CONNECTIONS SECONDS [HEADER...]
// ADDRESS is the path of a unix socket, or http(s)://127.0.0.1:PORT. PATH is what is asked of another
// backend than tunnel_backend.mjs; answers to requests have 1 KB, too.
// `requests` go one after the other on each connection; for `fresh`, each has a connection of its own.
// Prints {"requests", "bytes", "p50", "p99"}: the times of requests are in milliseconds.

import net from "node:net";
import tls from "node:tls";

const [address, question, connections, seconds, ...headers] = process.argv.slice(2);
const [mode, path] = question.split(/:(.*)/);
const PATHS = { requests: "/", fresh: "/", parts: "/parts", bulk: "/bulk" };
const url = address.startsWith("/") ? null : new URL(address);
const lines = [`GET ${path ?? PATHS[mode]} HTTP/1.1`, `Host: ${url?.host ?? "localhost"}`, ...headers];
const REQUEST = `${lines.join("\r\n")}\r\n\r\n`;
const LAST_CHUNK = Buffer.from("\r\n0\r\n\r\n");
const times = [];
let bytes = 0;
let requests = 0;

function ask(connection) {
  if (mode !== "fresh") connection.since = performance.now();
  connection.write(REQUEST);
}

function isComplete(answer) {
  const end = answer.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const head = answer.toString("latin1", 0, end).toLowerCase();
  if (!head.startsWith("http/1.1 200")) fail(head);
  if (head.includes("\r\ntransfer-encoding: chunked")) return answer.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK);
  return answer.length === end + 4 + Number(/\r\ncontent-length: ([0-9]+)/.exec(head)[1]);
}

function receive(connection, data) {
  bytes += data.length;
  if (mode === "bulk") return;
  connection.answer = connection.answer === null ? data : Buffer.concat([connection.answer, data]);
  if (!isComplete(connection.answer)) return;
  connection.answer = null;
  requests += 1;
  times.push(performance.now() - connection.since);
  if (mode !== "fresh") return ask(connection);
  connection.removeAllListeners("close");
  connection.destroy();
  open();
}

function connect(ready) {
  if (url === null) return net.connect(address, ready);
  const where = { host: url.hostname, port: Number(url.port) };
  return url.protocol === "http:" ? net.connect(where, ready) : tls.connect({ ...where, rejectUnauthorized: false }, ready);
}

function fail(reason) {
  console.error(`failed: ${reason}`);
  process.exit(1);
}

function open() {
  const since = performance.now();
  const connection = connect(() => ask(connection));
  Object.assign(connection, { answer: null, since });
  connection.on("data", (data) => receive(connection, data));
  connection.on("error", (error) => fail(error.message));
  connection.on("close", () => fail("closed"));
}

for (let number = 0; number < Number(connections); number++) open();
setTimeout(() => {
  times.sort((first, second) => first - second);
  const at = (part) => times[Math.floor((times.length - 1) * part)] ?? 0;
  console.log(JSON.stringify({ requests, bytes, p50: at(0.5), p99: at(0.99) }));
  process.exit(0);
}, Number(seconds) * 1000);
