// Links to repositories and the states of builds, as the pages write them.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  isBuilding, lookOf, percentDone, phaseOf, positionText, shortCommit, stepText, waitingText,
} from "../../rosetta_hub/web/static/builds/build_text.js";
import { badges, linkPath, readAddress } from "../../rosetta_hub/web/static/builds/link_text.js";

const GITHUB = { id: "gh", kind: "github", host: "github.com", quoted: false, hasRef: true };
const GITLAB = { id: "gl", kind: "gitlab", host: "gitlab.com", quoted: true, hasRef: true };
const GIT = { id: "git", kind: "git", host: "", quoted: true, hasRef: true };
const ZENODO = { id: "zenodo", kind: "zenodo", host: "zenodo.org", quoted: false, hasRef: false };
const PROVIDERS = [GITHUB, GITLAB, GIT, ZENODO];
const EMPTY = { repository: "", ref: "", pathKind: "labpath", path: "", computing: "", size: "" };

test("a link is spelt as BinderHub spells it", () => {
  const path = (provider, fields) => linkPath(provider, { ...EMPTY, ...fields });
  assert.equal(path(GITHUB, { repository: " octo/hello/ " }), "gh/octo/hello/HEAD");
  assert.equal(path(GITHUB, { repository: "octo/hello", ref: "feature/a b" }), "gh/octo/hello/feature/a%20b");
  assert.equal(path(GITLAB, { repository: "group/sub/project", ref: "main" }), "gl/group%2Fsub%2Fproject/main");
  assert.equal(path(GIT, { repository: "https://git.example.org/a.git" }), "git/https%3A%2F%2Fgit.example.org%2Fa.git/HEAD");
  assert.equal(path(ZENODO, { repository: "10.5281/zenodo.3242074", ref: "ignored" }), "zenodo/10.5281/zenodo.3242074");
  assert.equal(path(GITHUB, { repository: "  " }), "");
});

test("path, resource and size are in the query", () => {
  const fields = { ...EMPTY, repository: "o/r", path: "a b/ü.ipynb", computing: "vega", size: "large one" };
  assert.equal(linkPath(GITHUB, fields), "gh/o/r/HEAD?labpath=a%20b%2F%C3%BC.ipynb&computing=vega&size=large%20one");
  assert.equal(linkPath(GITHUB, { ...fields, pathKind: "nonsense", computing: "", size: "" }), "gh/o/r/HEAD");
});

test("the address of a page at a provider is read", () => {
  const read = (text) => readAddress(text, PROVIDERS);
  assert.deepEqual(read("https://github.com/octo/hello.git"), { provider: "gh", repository: "octo/hello", ref: "", path: "" });
  assert.deepEqual(read("https://github.com/octo/hello/blob/main/docs/a%20b.ipynb"),
    { provider: "gh", repository: "octo/hello", ref: "main", path: "docs/a b.ipynb" });
  assert.deepEqual(read("https://gitlab.com/g/s/p/-/tree/v1"), { provider: "gl", repository: "g/s/p", ref: "v1", path: "" });
  assert.deepEqual(read("https://git.example.org/a.git"), { provider: "git", repository: "https://git.example.org/a.git", ref: "", path: "" });
  for (const text of ["octo/hello", "https://", "https://zenodo.org/records/3242074", "git@github.com:o/r"]) assert.equal(read(text), null, text);
});

test("a badge leads to the link, and nothing leaves an attribute", () => {
  const { markdown, rst, html } = badges('https://hub/v2/gh/o/r/HEAD?a=1&b="', "https://hub/badge.svg");
  assert.equal(markdown, '[![Open in Rosetta Hub](https://hub/badge.svg)](https://hub/v2/gh/o/r/HEAD?a=1&b=")');
  assert.match(rst, /^\.\. image:: https:\/\/hub\/badge\.svg\n {3}:target: https:/);
  assert.equal(html, '<a href="https://hub/v2/gh/o/r/HEAD?a=1&amp;b=&quot;"><img src="https://hub/badge.svg" alt="Open in Rosetta Hub"></a>');
});

test("steps and their part", () => {
  const building = { state: "building", step: 7, steps: 23 };
  assert.equal(stepText(building), "Step 7 of 23");
  assert.equal(percentDone(building), 26);
  assert.equal(percentDone({ ...building, step: 1 }), 0);
  for (const state of ["pushing", "queued", "done"]) {
    assert.equal(stepText({ ...building, state }), "");
    assert.equal(percentDone({ ...building, state }), null);
  }
  assert.equal(isBuilding({ state: "pushing" }), true);
});

test("the queue in words", () => {
  assert.equal(positionText({ state: "queued", position: 1 }), "It is the next to be built.");
  assert.equal(positionText({ state: "queued", position: 2 }), "1 build is before it.");
  assert.equal(positionText({ state: "queued", position: 4 }), "3 builds are before it.");
  assert.equal(positionText({ state: "building", position: 4 }), "");
  assert.equal(waitingText({ state: "building", waiting: 1 }), "");
  assert.equal(waitingText({ state: "building", waiting: 2 }), "1 other user waits for the same image.");
  assert.equal(waitingText({ state: "queued", waiting: 12 }), "11 other users wait for the same image.");
  assert.equal(waitingText({ state: "done", waiting: 12 }), "");
});

test("states have a phase and a look", () => {
  assert.deepEqual(["queued", "cloning", "done", "failed", "cancelled"].map((state) => phaseOf({ state })), [0, 1, 2, -1, -1]);
  assert.deepEqual(["resolving", "building", "done", "failed", "cancelled"].map(lookOf),
    ["queued", "starting", "running", "failed", "stopped"]);
});

test("a commit is short, other names are not cut", () => {
  assert.equal(shortCommit("0123456789abcdef0123456789abcdef01234567"), "0123456");
  assert.equal(shortCommit("10.5281/zenodo.3242074"), "10.5281/zenodo.3242074");
  assert.equal(shortCommit(null), "");
});
