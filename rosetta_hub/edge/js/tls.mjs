// The one certificate of all tasks.

import fs from "node:fs";

import { log } from "./log.mjs";

// Node's default is two minutes; a stranger's handshake need not hold a connection that long.
const HANDSHAKE_TIMEOUT = 20_000;

/** Options of https.createServer for `{cert, key}` (paths), or undefined for plain HTTP. */
export function readTls(files) {
  if (files === null) return undefined;
  const pair = { cert: fs.readFileSync(files.cert), key: fs.readFileSync(files.key) };
  return { ...pair, minVersion: "TLSv1.2", handshakeTimeout: HANDSHAKE_TIMEOUT };
}

/** Take over a renewed certificate; open connections keep theirs. A broken one is not taken. */
export function reloadTls(server, files) {
  if (files === null) return;
  try {
    server.setSecureContext(readTls(files));
    log.info("certificate read again");
  } catch (error) {
    log.error(`certificate not read again, the old one stays: ${error.message}`);
  }
}
