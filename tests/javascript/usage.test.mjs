// Where the numbers of a plot are drawn, and which one a pointer means.

import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.document = { querySelector: () => null };
const { HEIGHT, WIDTH, linePath, nearestPoint, placePoints, topOf } = await import("../../rosetta_hub/web/static/usage_plot.js");

test("numbers are placed by their time, whatever is between them", () => {
  assert.deepEqual(placePoints([1000, 2000, 5000], [0, 5, 10], 10), [[0, HEIGHT], [WIDTH / 4, HEIGHT / 2], [WIDTH, 0]]);
  assert.deepEqual(placePoints([1000], [10], 10), [[WIDTH, 0]]);
});

test("a number that is not known is a gap", () => {
  assert.equal(linePath([null, [0, 1], [2, 3], null, [6, 7]]), "M0 1 L2 3 M6 7");
  assert.equal(linePath([null]), "");
});

test("what was asked for is in the drawing, and so is more than that", () => {
  assert.ok(topOf([1, 2, null], 8) > 8);
  assert.ok(topOf([1, 9], 8) > 9);
  assert.ok(topOf([0, null], null) > 0);
});

test("a pointer means the nearest number", () => {
  const times = [0, 10, 20, 100];
  assert.equal(nearestPoint(times, 0), 0);
  assert.equal(nearestPoint(times, 0.14), 1);
  assert.equal(nearestPoint(times, 0.9), 3);
  assert.equal(nearestPoint(times, 2), 3);
});
