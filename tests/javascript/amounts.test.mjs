// Sizes and times as users write them: what the form's fields accept, and what they say.

import assert from "node:assert/strict";
import { test } from "node:test";

import { timeSpan } from "../../rosetta_hub/web/static/format.js";
import { parseCount, parseSize, parseTime, writeSize, writeTime } from "../../rosetta_hub/web/static/units.js";
import { coresKind } from "../../rosetta_hub/web/static/bounded_field.js";

test("a size is read in powers of 1024", () => {
  assert.equal(parseSize("512M"), 512 * 2 ** 20);
  assert.equal(parseSize(" 1.5 GiB "), 1.5 * 2 ** 30);
  assert.equal(parseSize("10"), 10);
});

test("what is no size is null", () => {
  for (const text of ["", "M", "-1G", "1,5G", "2 X", "1e9"]) assert.equal(parseSize(text), null, text);
});

test("a written size is read as the same size", () => {
  for (const size of [1, 1023, 1024, 1536 * 2 ** 20, 2 ** 41]) assert.equal(parseSize(writeSize(size)), size);
});

test("a time is read with and without units", () => {
  assert.equal(parseTime("5400"), 5400);
  assert.equal(parseTime("1d 12h"), 129600);
  assert.equal(parseTime("90 min"), 5400);
  for (const text of ["", " ", "h", "1x", "1h 2d"]) assert.equal(parseTime(text), null, text);
});

test("a written time is read as the same time", () => {
  for (const time of [1, 60, 3661, 90061]) assert.equal(parseTime(writeTime(time)), time);
});

test("a count is whole", () => {
  assert.equal(parseCount(" 4 "), 4);
  for (const text of ["4.5", "-1", ""]) assert.equal(parseCount(text), null, text);
});

test("a length of time has its two largest units", () => {
  assert.equal(timeSpan(0), "0 s");
  assert.equal(timeSpan(90), "1 min 30 s");
  assert.equal(timeSpan(129600), "1 d 12 h");
  assert.equal(timeSpan(90061), "1 d 1 h");
});

test("parts of cores are asked for where there are some", () => {
  for (const wms of [undefined, "none", "kubernetes"]) assert.equal(coresKind(wms).parse("0.5"), 0.5);
  assert.ok(Number.isNaN(coresKind("slurm").parse("0.5") ?? NaN));
  assert.equal(coresKind("slurm").parse("2"), 2);
});
