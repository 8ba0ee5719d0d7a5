// Dates as users have chosen them, without a format for each of them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ago, moment } from "../../rosetta_hub/web/static/format.js";

const TIME = "2026-01-02T23:30:00Z";

function choose(dataset) {
  globalThis.document = { querySelector: () => (dataset ? { dataset } : null) };
}

test("language and time zone are those of the page, or the browser's", () => {
  choose({ language: "de", timeZone: "Asia/Tokyo" });
  assert.equal(moment(TIME), "03.01.2026, 08:30:00");
  choose({ language: "en-GB", timeZone: "UTC" });
  assert.equal(moment(TIME), "2 Jan 2026, 23:30:00");
  const own = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(TIME));
  for (const dataset of [null, {}, { language: "", timeZone: "" }, { language: "no such", timeZone: "Nowhere/Else" }]) {
    choose(dataset);
    assert.equal(moment(TIME), own);
  }
});

test("two hundred rows make no formats of their own", (context) => {
  choose({ language: "fr", timeZone: "Europe/Paris" });
  const date = context.mock.method(Intl, "DateTimeFormat");
  const relative = context.mock.method(Intl, "RelativeTimeFormat");
  for (let row = 0; row < 200; row += 1) {
    moment(TIME);
    ago(TIME);
  }
  assert.equal(date.mock.callCount(), 1);
  assert.equal(relative.mock.callCount(), 0);
});
