// A backend on a unix socket and a port: "/" answers 1 KB, "/parts" does so in two writes, as many web
// servers do, and "/bulk" sends without end. Prints its port.
//   node tunnel_backend.mjs SOCKET

import http from "node:http";

const BODY = Buffer.alloc(1024, "x");
const BLOCK = Buffer.alloc(1 << 18, "x");

function pour(res) {
  while (!res.destroyed && res.write(BLOCK));
  if (!res.destroyed) res.once("drain", () => pour(res));
}

function answer(req, res) {
  if (req.url === "/bulk") {
    res.writeHead(200, { "Content-Type": "application/octet-stream" });
    pour(res);
    return;
  }
  res.writeHead(200, { "Content-Type": "text/plain", "Content-Length": BODY.length });
  if (req.url !== "/parts") {
    res.end(BODY);
    return;
  }
  res.flushHeaders();
  setImmediate(() => res.end(BODY));
}

const servers = [http.createServer(answer), http.createServer(answer)];
for (const server of servers) server.keepAliveTimeout = 60_000;
servers[0].listen(process.argv[2]);
servers[1].listen(0, "127.0.0.1", () => console.log(servers[1].address().port));
