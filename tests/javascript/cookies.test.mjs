// The cookies of one host are one jar: which of them a container sees, and which it may set.

import assert from "node:assert/strict";
import { test } from "node:test";

import { buildCookiePrefix, isReserved, parseCookies, rewriteSetCookie } from "../../rosetta_hub/edge/js/cookies.mjs";

const OWN = buildCookiePrefix("0123456789abcdef");
const OTHER = buildCookiePrefix("fedcba9876543210");
const HUB_NAMES = ["jupyterhub-"];

test("a container sees its own cookies alone, under their own names", () => {
  const header = `a=1; ${OWN}app=2; ${OTHER}app=3; jupyterhub-session-id=4; ${OWN}x=y=z`;
  assert.equal(parseCookies(header, "rosetta-abc", OWN).own, "app=2; x=y=z");
});

test("every value of the access cookie counts, and the container sees none", () => {
  const { access, own } = parseCookies("rosetta-abc=1; rosetta-abcd=2; rosetta-abc=3", "rosetta-abc", OWN);
  assert.deepEqual(access, ["1", "3"]);
  assert.equal(own, "");
});

test("the names of hub, edge and tasks are reserved, whatever prefix stands before them", () => {
  for (const name of ["jupyterhub-user", "__Host-jupyterhub-user", "ROSETTA-abc", `__Secure-${OTHER}app`]) {
    assert.ok(isReserved(name, HUB_NAMES), name);
  }
  assert.ok(!isReserved("session", HUB_NAMES));
});

test("a container's cookie is renamed, HttpOnly, and set for scripts where they may read it", () => {
  assert.deepEqual(rewriteSetCookie("app=1; Path=/", OWN, false, HUB_NAMES), [
    `${OWN}app=1; Path=/; HttpOnly`,
    "app=1; Path=/",
  ]);
  assert.deepEqual(rewriteSetCookie("app=1; HttpOnly", OWN, false, HUB_NAMES), [`${OWN}app=1; HttpOnly`]);
});

test("a reserved name is never set for scripts", () => {
  assert.deepEqual(rewriteSetCookie("jupyterhub-user=evil", OWN, false, HUB_NAMES), [`${OWN}jupyterhub-user=evil; HttpOnly`]);
});

test("attributes that reach other hosts, or that plain HTTP does not know, are dropped", () => {
  const [line] = rewriteSetCookie("a=1; Domain=example.org; Secure; SameSite=None", OWN, false, HUB_NAMES);
  assert.equal(line, `${OWN}a=1; HttpOnly`);
});

test("a cookie without a name is dropped", () => {
  assert.deepEqual(rewriteSetCookie("=rosetta-abc=1", OWN, false, HUB_NAMES), []);
  assert.deepEqual(rewriteSetCookie("rosetta", OWN, false, HUB_NAMES), []);
});
