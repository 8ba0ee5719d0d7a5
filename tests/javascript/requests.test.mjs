// Requests that are refused before a container sees them: foreign pages, and framing with two readings.

import assert from "node:assert/strict";
import { test } from "node:test";

import { framingRefusal, upgradeFramingRefusal } from "../../rosetta_hub/edge/js/framing.mjs";
import { isForeign, isUpgradeForeign } from "../../rosetta_hub/edge/js/origins.mjs";

const ORIGIN = "https://tasks.example.org:7001";
const OTHER = "https://tasks.example.org:7002";
const NAVIGATION = { accept: "text/html", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };

function request(headers, more = {}) {
  return { method: "GET", httpVersion: "1.1", rawHeaders: [], headers, ...more };
}

test("a page of another task can navigate to a task, and do nothing else", () => {
  const headers = { "sec-fetch-site": "same-site" };
  assert.equal(isForeign(request({ ...headers, ...NAVIGATION }), ORIGIN), false);
  assert.equal(isForeign(request({ ...headers, "sec-fetch-mode": "cors" }), ORIGIN), true);
  assert.equal(isForeign(request({ ...headers, ...NAVIGATION }, { method: "POST" }), ORIGIN), true);
});

test("without Fetch Metadata the origin decides, then the referer", () => {
  assert.equal(isForeign(request({ origin: OTHER }), ORIGIN), true);
  assert.equal(isForeign(request({ origin: ORIGIN }), ORIGIN), false);
  assert.equal(isForeign(request({ referer: `${OTHER}/x` }), ORIGIN), true);
  assert.equal(isForeign(request({ referer: `${ORIGIN}/x` }), ORIGIN), false);
});

test("an upgrade needs exactly the task's origin", () => {
  assert.equal(isUpgradeForeign(request({ origin: ORIGIN }), ORIGIN), false);
  for (const origin of [undefined, "null", OTHER, `${ORIGIN}.evil.example`]) {
    assert.equal(isUpgradeForeign(request({ origin }), ORIGIN), true, String(origin));
  }
});

test("a body that http-proxy would send as a second request is refused", () => {
  const chunked = { "transfer-encoding": "chunked" };
  assert.equal(framingRefusal(request(chunked, { method: "DELETE" })).status, 411);
  assert.equal(framingRefusal(request(chunked, { method: "POST" })), null);
  assert.equal(framingRefusal(request(chunked, { method: "POST", httpVersion: "1.0" })).status, 400);
  assert.equal(framingRefusal(request({}, { method: "TRACE" })).status, 405);
});

test("a request with two hosts is refused", () => {
  const rawHeaders = ["Host", "a.example", "Accept", "*/*", "HOST", "b.example"];
  assert.equal(framingRefusal(request({}, { rawHeaders })).status, 400);
});

test("an upgrade has no body", () => {
  assert.equal(upgradeFramingRefusal(request({})), null);
  assert.equal(upgradeFramingRefusal(request({ "content-length": "5" })).status, 400);
  assert.equal(upgradeFramingRefusal(request({}, { method: "POST" })).status, 400);
});
