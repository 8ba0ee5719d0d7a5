// CHP's own command line for the hub, with the requests refused that it passes on wrongly.
//   node hub-proxy.mjs <root of the package configurable-http-proxy> ARGUMENTS...

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { answer, answerSocket } from "./answers.mjs";
import { loadConfigurableProxy } from "./chp.mjs";
import { framingRefusal, upgradeFramingRefusal } from "./framing.mjs";

function guard(prototype) {
  const { handleProxyWeb, handleProxyWs } = prototype;
  prototype.handleProxyWeb = function guardedWeb(req, res) {
    const refusal = framingRefusal(req);
    if (refusal === null) return handleProxyWeb.call(this, req, res);
    return answer(req, res, refusal.status, refusal.text, { ...refusal.headers, Connection: "close" });
  };
  prototype.handleProxyWs = function guardedWs(req, socket, head) {
    const refusal = framingRefusal(req) ?? upgradeFramingRefusal(req);
    if (refusal === null) return handleProxyWs.call(this, req, socket, head);
    socket.on("error", () => socket.destroy());
    return answerSocket(socket, refusal.status, refusal.text);
  };
}

const root = process.argv[2];
guard((await loadConfigurableProxy(root)).prototype);
const { bin } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
const command = path.join(root, bin["configurable-http-proxy"]);
// The command line reads its arguments from the third on.
process.argv.splice(1, 2, command);
await import(pathToFileURL(command));
