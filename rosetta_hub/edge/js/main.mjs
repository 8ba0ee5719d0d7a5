// The edge's process: reads its configuration, one JSON document, from standard input.
//   {"socket", "bind_ip", "chp", "tls": {"cert", "key"} | null, "main_port": int | null,
//    "public_host": text | null, "hub_cookie_names": [lower-case beginnings of names], "fingerprint": text,
//    "tcp_connections_per_address": int, "anonymous_connections_per_address": int}; 0 is no limit

import { randomUUID } from "node:crypto";
import fs from "node:fs";
import stream from "node:stream";

import { createApi } from "./api.mjs";
import { loadConfigurableProxy } from "./proxy_library.mjs";
import { log } from "./log.mjs";
import { sortTls } from "./https_redirect.mjs";
import { Ports } from "./ports.mjs";
import { defineEdgeProxy } from "./proxy.mjs";
import { createServiceConnections } from "./service_connections.mjs";
import { listenPrivately } from "./sockets.mjs";
import { AnonymousConnections } from "./sources.mjs";
import { Tasks } from "./tasks.mjs";
import { readTls, reloadTls } from "./tls.mjs";

// Bytes that a connection holds before it makes the other one wait. With Node's own 16 KB, bulk stops
// and goes with every read.
const HIGH_WATER_MARK = 1 << 18;
const SWEEP_INTERVAL = 5_000;
const HEADERS_TIMEOUT = 20_000;
const KEEP_ALIVE_TIMEOUT = 30_000;

async function createProxy(config, tasks, anonymous) {
  const EdgeProxy = defineEdgeProxy(await loadConfigurableProxy(config.chp));
  const tls = config.tls !== null;
  const edge = { tasks, tls, scheme: tls ? "https" : "http", hubCookieNames: config.hub_cookie_names, anonymous };
  const options = { log, ssl: readTls(config.tls), keepAliveTimeout: KEEP_ALIVE_TIMEOUT };
  const proxy = new EdgeProxy(options, edge);
  proxy.proxyServer.headersTimeout = HEADERS_TIMEOUT;
  proxy.proxyServer.connectionsCheckingInterval = HEADERS_TIMEOUT / 4;
  // Node's five minutes would cut long uploads.
  proxy.proxyServer.requestTimeout = 0;
  return proxy;
}

// Node arms the timeouts of a server that listens, and of no other: without a main port the proxy
// listens on a socket of its own, where no request belongs to a task.
async function listenMain(proxyServer, config) {
  if (config.main_port === null) return listenPrivately(proxyServer, `${config.socket}.main`);
  await new Promise((resolve, reject) => {
    proxyServer.once("error", reject);
    proxyServer.listen({ host: config.bind_ip, port: config.main_port, exclusive: true }, resolve);
  });
}

// Without its socket nobody can reach this process any more, and it would hold its ports for ever.
function isOurs(path, number) {
  return fs.statSync(path, { throwIfNoEntry: false })?.ino === number;
}

function stop(tasks, config) {
  tasks.closeAll();
  if (config !== null) {
    for (const path of [config.socket, `${config.socket}.main`]) fs.rmSync(path, { force: true });
  }
  process.exit(0);
}

async function main() {
  // Not before Node 18.17: older ones are slower.
  stream.setDefaultHighWaterMark?.(false, HIGH_WATER_MARK);
  const config = JSON.parse(fs.readFileSync(0, "utf8"));
  const context = { tls: config.tls !== null, publicHost: config.public_host, mainPort: config.main_port };
  const tasks = new Tasks(context);
  const anonymous = new AnonymousConnections(config.anonymous_connections_per_address);
  const proxy = await createProxy(config, tasks, anonymous);
  const { proxyServer } = proxy;
  proxyServer.on("connection", (socket) => anonymous.add(socket));
  const serve = (socket) => proxyServer.emit("connection", socket);
  tasks.ports = new Ports(config.bind_ip, config.tcp_connections_per_address, (socket, task) => {
    anonymous.add(socket);
    if (context.tls) sortTls(socket, task, serve);
    else serve(socket);
  });
  await listenMain(proxyServer, config);
  const instance = randomUUID();
  const status = () => ({ instance, pid: process.pid, tasks: tasks.size, fingerprint: config.fingerprint });
  const api = createApi(tasks, status, createServiceConnections(proxy));
  await listenPrivately(api, config.socket);
  const socketNumber = fs.statSync(config.socket).ino;
  setInterval(() => {
    tasks.sweep(Date.now());
    if (!isOurs(config.socket, socketNumber)) stop(tasks, null);
  }, SWEEP_INTERVAL);
  process.on("SIGHUP", () => reloadTls(proxyServer, config.tls));
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => stop(tasks, config));
  log.info(`ready, process ${process.pid}`);
}

// One user's odd request must not cut everybody else: CHP's own command line does the same.
process.on("uncaughtException", (error) => log.error(`uncaught: ${error.stack}`));

main().catch((error) => {
  log.error(error.stack);
  process.exit(1);
});
