// A real OpenID Connect provider (oidc-provider), which tests steer over a second port.
//
// The first line of its output is `{"issuer", "control"}`. `POST control/accounts/<id>` sets the claims
// of an account (null: it is deleted), `control/clients` registers a client, `control/keys` adds a signing
// key and, with `{"drop": true}`, removes the old ones, `control/clock` sets how many seconds the
// provider's clock is ahead.

import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const ACCESS_SECONDS = Number(process.env.ACCESS_SECONDS ?? 3600);
const PORT = Number(process.env.PORT ?? 0);

const accounts = new Map();
const clients = new Map();
let keys = [];
let number = 0;
let provider = null;
let requests = 0;

const now = Date.now;
let ahead = 0;
Date.now = () => now() + ahead;

function addKey() {
  number += 1;
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  keys.unshift({ ...privateKey.export({ format: "jwk" }), kid: `key-${number}`, use: "sig", alg: "RS256" });
}

function findAccount(_context, id) {
  if (!accounts.has(id)) return undefined;
  return { accountId: id, claims: () => ({ sub: id, ...accounts.get(id) }) };
}

function build(issuer) {
  provider = new Provider(issuer, {
    clients: [...clients.values()],
    findAccount,
    jwks: { keys },
    claims: { openid: ["sub"], profile: ["preferred_username", "name", "groups"], email: ["email", "email_verified"] },
    scopes: ["openid", "profile", "email", "offline_access"],
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
    issueRefreshToken: async () => true,
    ttl: { AccessToken: ACCESS_SECONDS, IdToken: 3600, RefreshToken: 86400, Session: 86400, Grant: 86400, Interaction: 3600 },
    cookies: { keys: ["test"] },
  });
  provider.on("server_error", (_context, error) => console.error(error));
}

async function bodyOf(request) {
  let text = "";
  for await (const piece of request) text += piece;
  return text ? JSON.parse(text) : {};
}

async function steer(request) {
  const body = await bodyOf(request);
  const [, what, id] = request.url.split("/").map(decodeURIComponent);
  if (what === "accounts") {
    if (body.claims === null) accounts.delete(id);
    else accounts.set(id, body.claims);
  } else if (what === "clients") {
    clients.set(body.client_id, body);
    build(issuer);
  } else if (what === "keys") {
    addKey();
    if (body.drop) keys = keys.slice(0, 1);
    build(issuer);
  } else if (what === "clock") {
    ahead = body.seconds * 1000;
  }
  return { requests };
}

const main = createServer((request, response) => {
  requests += 1;
  provider.callback()(request, response);
});
const control = createServer(async (request, response) => response.end(JSON.stringify(await steer(request))));
const listen = (server, port) => new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server.address().port)));
const issuer = `http://127.0.0.1:${await listen(main, PORT)}`;
addKey();
build(issuer);
console.log(JSON.stringify({ issuer, control: `http://127.0.0.1:${await listen(control, 0)}` }));
