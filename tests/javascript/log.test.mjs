// The edge's log: a record begins a line, whatever its message holds.

import assert from "node:assert/strict";
import { test } from "node:test";

import { formatLine } from "../../rosetta_hub/edge/js/log.mjs";

test("control characters of a message are written out", () => {
  const line = formatLine("W", "a\u001b[31mb\rc\u2028d\u202ee");
  assert.ok(line.endsWith(" edge] a\\u001b[31mb\\u000dc\\u2028d\\u202ee\n"), line);
});

test("no line of a message looks like a record", () => {
  const [first, second, end] = formatLine("E", "Error: x\n[I 2026-11-27 00:00:00,000 edge] ready").split("\n");
  assert.match(first, /^\[E /);
  assert.match(second, /^ {4}\[I /);
  assert.equal(end, "");
});
