// CHP's own command line for the hub, with the requests refused that it passes on wrongly, and those
// that name the tasks' host.
//   node hub-proxy.mjs <root of the package configurable-http-proxy> <addresses> ARGUMENTS...
// Addresses are a JSON document: {"hub_origin", "tasks_host"}, or null.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { answer, answerSocket } from "./answers.mjs";
import { loadConfigurableProxy } from "./proxy_library.mjs";
import { framingRefusal, upgradeFramingRefusal } from "./framing.mjs";
import { answerUnderTasksHost, namesTasksHost } from "./tasks-host.mjs";

function findRefusal(req, addresses) {
  const refusal = framingRefusal(req);
  if (refusal !== null || addresses === null) return refusal;
  if (!namesTasksHost(req.headers.host, addresses.tasks_host)) return null;
  return answerUnderTasksHost(req, addresses.hub_origin);
}

function guard(prototype, addresses) {
  const { handleProxyWeb, handleProxyWs } = prototype;
  prototype.handleProxyWeb = function guardedWeb(req, res) {
    const refusal = findRefusal(req, addresses);
    if (refusal === null) return handleProxyWeb.call(this, req, res);
    return answer(req, res, refusal.status, refusal.text, { ...refusal.headers, Connection: "close" });
  };
  prototype.handleProxyWs = function guardedWs(req, socket, head) {
    const refusal = findRefusal(req, addresses) ?? upgradeFramingRefusal(req);
    if (refusal === null) return handleProxyWs.call(this, req, socket, head);
    socket.on("error", () => socket.destroy());
    return answerSocket(socket, refusal.status, refusal.text);
  };
}

const [root, addresses] = process.argv.slice(2);
guard((await loadConfigurableProxy(root)).prototype, JSON.parse(addresses));
const { bin } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
const command = path.join(root, bin["configurable-http-proxy"]);
// The command line reads its arguments from the third on.
process.argv.splice(1, 3, command);
await import(pathToFileURL(command).href);
