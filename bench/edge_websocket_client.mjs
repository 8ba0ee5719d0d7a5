// Messages there and back, one after the other on each of several WebSockets.
//   node edge_websocket_client.mjs PORT CONNECTIONS SECONDS < {"headers": {...}}
// Prints the number of messages.

import fs from "node:fs";
import http from "node:http";

const [port, connections, seconds] = process.argv.slice(2).map(Number);
const { headers } = JSON.parse(fs.readFileSync(0, "utf8"));
// A masked text frame of 64 bytes.
const FRAME = Buffer.concat([Buffer.from([0x81, 0x80 | 64, 1, 2, 3, 4]), Buffer.alloc(64, "x")]);
let messages = 0;
let isOver = false;

function converse(socket) {
  let received = 0;
  socket.setNoDelay(true);
  socket.on("data", (data) => {
    received += data.length;
    if (received < FRAME.length) return;
    received -= FRAME.length;
    messages += 1;
    if (!isOver) socket.write(FRAME);
  });
  socket.write(FRAME);
}

for (let number = 0; number < connections; number++) {
  const upgrade = {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  const request = http.get({ host: "127.0.0.1", port, headers: { ...headers, ...upgrade } });
  request.on("upgrade", (_res, socket) => converse(socket));
  request.on("response", (res) => {
    console.error(`refused: ${res.statusCode}`);
    process.exit(1);
  });
}
setTimeout(() => {
  isOver = true;
  console.log(messages);
  process.exit(0);
}, seconds * 1000);
