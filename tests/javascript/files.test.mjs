// The file manager's own arithmetic: paths, the selection, what is said of entries.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isEditable, modeText, modifiedText, ownerText, previewKind, typeText } from "../../rosetta_hub/web/static/files/entries.js";
import { displayName, encodeName, isWithin, nameFault, parentPath, pathSteps, readAddress } from "../../rosetta_hub/web/static/files/paths.js";
import { Selection } from "../../rosetta_hub/web/static/files/selection.js";

const file = (name, more = {}) => ({ name, type: "file", size: 10, mode: 0o644, media_type: "", ...more });

test("a written name is encoded as the service encodes it", () => {
  assert.equal(encodeName("a b~c-d_e.f"), "a%20b~c-d_e.f");
  assert.equal(encodeName("it's (1)!*/x"), "it%27s%20%281%29%21%2A%2Fx");
  assert.equal(displayName("caf%E9"), "caf%E9");
  assert.equal(displayName("caf%C3%A9"), "café");
});

test("names that can't be are refused with a reason", () => {
  for (const name of ["", "  ", ".", "..", "a/b", "a\0b", "ä".repeat(128)]) assert.notEqual(nameFault(name), "", name);
  for (const name of ["a", "...", "-rf", "ä".repeat(127), "__proto__"]) assert.equal(nameFault(name), "", name);
});

test("paths have steps, a parent, and folders that they lie in", () => {
  assert.deepEqual(pathSteps("a/b%20c"), [{ path: "a", name: "a" }, { path: "a/b%20c", name: "b c" }]);
  assert.equal(parentPath("a/b/c"), "a/b");
  assert.equal(parentPath("a"), "");
  assert.ok(isWithin("a/b", "a") && isWithin("a", "a") && isWithin("a", ""));
  assert.ok(!isWithin("ab", "a"));
});

test("an address names storage and path", () => {
  assert.deepEqual(readAddress("/hub/x/files/", "/hub/x/"), { storage: "", path: "" });
  assert.deepEqual(readAddress("/x/files/home/a%2Fb/c/", "/x/"), { storage: "home", path: "a%2Fb/c" });
});

test("folders of a bucket have no time", () => {
  // A page on which nobody has chosen how dates look.
  globalThis.document = { querySelector: () => null };
  assert.equal(modifiedText({ modified: 0 }), "");
  assert.match(modifiedText({ modified: 86400 * 365 }), /1970|1971/);
});

test("permissions are written as ls writes them", () => {
  assert.equal(modeText(file("x")), "-rw-r--r--");
  assert.equal(modeText({ type: "directory", mode: 0o1777 }), "drwxrwxrwt");
  assert.equal(modeText({ type: "file", mode: 0o4644 }), "-rwSr--r--");
  assert.equal(modeText({ type: "file", mode: 0o2755 }), "-rwxr-sr-x");
  assert.equal(ownerText({ owner: "alice", group: "astro" }), "alice:astro");
});

test("each file has a preview of its kind", () => {
  const kinds = { "a.ipynb": "notebook", "a.CSV": "table", "a.fits": "fits", "a.fits.fz": "fits", "a.tif": "converted", "a.pdf": "pdf", "a.png": "image", "a.py": "text", Makefile: "text", ".bashrc": "text", "a.bin": "none" };
  for (const [name, kind] of Object.entries(kinds)) assert.equal(previewKind(file(name)), kind, name);
  assert.equal(previewKind(file("a.png", { size: 2 ** 30 })), "none");
  assert.equal(previewKind({ name: "a.py", type: "fifo" }), "none");
});

test("only small texts are edited", () => {
  assert.ok(isEditable(file("a.py")) && isEditable(file("a.csv")));
  assert.ok(!isEditable(file("a.py", { size: 2 ** 21 + 1 })) && !isEditable(file("a.png")) && !isEditable({ name: "a", type: "directory" }));
});

test("a link says where it leads", () => {
  assert.equal(typeText({ type: "link", target_type: "directory" }), "Link to a folder");
  assert.match(typeText({ type: "link", target_type: null }), /Broken/);
});

function selection(keys = ["a", "b", "c", "d"]) {
  const instance = new Selection();
  instance.setKeys(keys);
  return instance;
}

test("the cursor stays within the list", () => {
  const rows = selection();
  rows.move(-1);
  assert.equal(rows.cursor, "a");
  rows.move(10);
  assert.equal(rows.cursor, "d");
  const empty = selection([]);
  empty.move(1);
  assert.deepEqual(empty.targets(), []);
});

test("a range grows and shrinks from where it began", () => {
  const rows = selection();
  rows.moveTo(1);
  rows.move(1, true);
  rows.move(1, true);
  assert.deepEqual([...rows.chosen], ["b", "c", "d"]);
  rows.move(-1, true);
  assert.deepEqual([...rows.chosen], ["b", "c"]);
  rows.extendTo("a");
  assert.deepEqual([...rows.chosen], ["a", "b"]);
});

test("what an action is about", () => {
  const rows = selection();
  assert.deepEqual(rows.targets(), ["a"]);
  rows.toggle("c");
  rows.toggle("b");
  assert.deepEqual(rows.targets(), ["b", "c"]);
});

test("what is gone is not selected, and the cursor goes to its neighbour", () => {
  const rows = selection();
  rows.only("b");
  rows.setKeys(["a", "c", "d"]);
  assert.deepEqual([...rows.chosen], []);
  assert.equal(rows.cursor, "c");
});
