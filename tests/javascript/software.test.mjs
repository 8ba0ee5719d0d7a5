// The Software page's own arithmetic: references, command lines, two edits of one entry, look-ups.

import assert from "node:assert/strict";
import { test } from "node:test";

import { matchesQuery } from "../../rosetta_hub/web/static/search.js";
import { placesOf, placesText, startLink, usesText } from "../../rosetta_hub/web/static/software_cards.js";
import { Autofill } from "../../rosetta_hub/web/static/software/autofill.js";
import { authChoices, mergeEntries, valueText } from "../../rosetta_hub/web/static/software/entries.js";
import { LookUp } from "../../rosetta_hub/web/static/software/look_up.js";
import { isReference, joinReference, splitReference } from "../../rosetta_hub/web/static/software/references.js";
import { archChoices, exposedPort, linuxArchs, sortTags, suggestValues } from "../../rosetta_hub/web/static/software/suggestions.js";
import { isOneButton, summaryText } from "../../rosetta_hub/web/static/start_summary.js";
import { joinCommand, splitCommand, splitKeywords } from "../../rosetta_hub/web/static/software/words.js";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

test("a reference has parts, however it was pasted", () => {
  const parts = (registry, name, tag, digest = "") => ({ registry, name, tag, digest });
  const cases = {
    "app": parts("", "app", ""),
    "org/app": parts("", "org/app", ""),
    "org/app:1.2": parts("", "org/app", "1.2"),
    "ghcr.io/org/app:1.2": parts("ghcr.io", "org/app", "1.2"),
    "localhost/app": parts("localhost", "app", ""),
    "localhost:5000/app": parts("localhost:5000", "app", ""),
    "registry:5000/a/b:v1": parts("registry:5000", "a/b", "v1"),
    [`ghcr.io/org/app:1@${DIGEST}`]: parts("ghcr.io", "org/app", "1", DIGEST),
    "docker pull quay.io/jupyter/base-notebook:latest": parts("quay.io", "jupyter/base-notebook", "latest"),
    "  https://ghcr.io/org/app ": parts("ghcr.io", "org/app", ""),
    "docker://org/app:2": parts("", "org/app", "2"),
    "app@sha256:12": parts("", "app", ""),
  };
  for (const [text, expected] of Object.entries(cases)) assert.deepEqual(splitReference(text), expected, text);
  assert.ok(isReference("app:1") && isReference("ghcr.io/app") && !isReference("org/app"));
});

test("parts make a reference again", () => {
  assert.equal(joinReference({ registry: "ghcr.io", name: "org/app" }), "ghcr.io/org/app:latest");
  assert.equal(joinReference({ name: "app", tag: "1", digest: DIGEST }), `app@${DIGEST}`);
  assert.equal(joinReference({ registry: "ghcr.io" }), "");
});

test("a command line has the words that a shell would find", () => {
  assert.deepEqual(splitCommand(`start.sh  --name "a b"'c' d\\ e ''`), ["start.sh", "--name", "a bc", "d e", ""]);
  assert.deepEqual(splitCommand('"\\"$HOME\\n"'), ['"$HOME\\n']);
  assert.deepEqual(splitCommand(" \n "), []);
  for (const open of ['"a', "'a", "a\\"]) assert.equal(splitCommand(open), null, open);
});

test("any list of words survives the form", () => {
  for (const words of [["a", "b c"], ["it's", '"', "\\", ""], ["東京", "$(reboot)", "`x`", "a\nb"], []]) {
    assert.deepEqual(splitCommand(joinCommand(words)), words);
  }
  assert.equal(joinCommand(["start.sh", "--port=8888"]), "start.sh --port=8888");
});

test("keywords are there once", () => {
  assert.deepEqual(splitKeywords(" desktop, astronomy,, desktop ,"), ["desktop", "astronomy"]);
});

test("two edits of different keys are both kept", () => {
  const base = { name: "A", image_tag: "1", environment: { A: "1", B: "2" } };
  const mine = { ...base, name: "Mine", environment: { B: "2", A: "1" } };
  const theirs = { ...base, image_tag: "2" };
  const { merged, conflicts } = mergeEntries(base, mine, theirs);
  assert.deepEqual(merged, { name: "Mine", image_tag: "2", environment: { A: "1", B: "2" } });
  assert.deepEqual(conflicts, []);
});

test("two edits of one key are mine, and named", () => {
  const { merged, conflicts } = mergeEntries({ name: "A", command: [] }, { name: "Mine", command: ["x"] }, { name: "Theirs", command: ["x"] });
  assert.equal(merged.name, "Mine");
  assert.deepEqual(conflicts, ["name"]);
});

test("what is left out is the default, also in a conflict", () => {
  assert.deepEqual(mergeEntries({}, { image_tag: "latest" }, { image_tag: "2" }), { merged: { image_tag: "2" }, conflicts: [] });
  assert.deepEqual(mergeEntries({ description: "x" }, {}, { description: "y" }).conflicts, ["description"]);
});

test("a key named as those of every object is a key as any other", () => {
  const theirs = JSON.parse('{"environment": {"__proto__": "1", "constructor": "2"}}');
  assert.equal(valueText(theirs.environment), "__proto__=1, constructor=2");
  assert.deepEqual(mergeEntries({}, {}, theirs).conflicts, []);
});

test("interfaces that the platform can't check need a password", () => {
  assert.deepEqual(authChoices("ssh").map(([value]) => value), ["password"]);
  assert.deepEqual(authChoices("https").map(([value]) => value), ["none", "jupyter", "basic"]);
});

const image = (more) => ({ image_name: "org/deep-sky_viewer", archs: [], ports: [], labels: {}, ...more });

test("an image suggests name, description and port", () => {
  assert.deepEqual(suggestValues(image({ ports: ["9000/udp", "8888/tcp", "8080"] })), { name: "Deep sky viewer", interface_port: 8080 });
  const labels = { "org.opencontainers.image.title": "T".repeat(200), "org.opencontainers.image.description": "D" };
  assert.deepEqual(suggestValues(image({ labels })), { name: "T".repeat(80), description: "D" });
  assert.equal(exposedPort(null), null);
});

test("each architecture is offered once, and tags with the likeliest first", () => {
  assert.deepEqual(linuxArchs({ archs: [{ os: "linux", arch: "arm64" }, { os: "windows", arch: "amd64" }] }), ["arm64"]);
  assert.deepEqual(linuxArchs({}), []);
  assert.deepEqual(archChoices({ archs: [{ os: "linux", arch: "arm64", variant: "v8" }, { arch: "arm64", variant: "v7" }, { arch: "amd64" }] }), ["arm64", "amd64"]);
  assert.deepEqual(sortTags(["dev", "1.2", "1.10", "latest", "v2", "a"]), ["latest", "v2", "1.10", "1.2", "a", "dev"]);
});

test("a field fills itself until somebody writes in it", () => {
  const fields = { name: { value: "" }, port: { value: "8888" } };
  const autofill = new Autofill(fields);
  autofill.start({ port: "8888" });
  autofill.fill({ name: "App", port: 8080 });
  assert.deepEqual([fields.name.value, fields.port.value], ["App", "8080"]);
  fields.name.value = "Mine";
  autofill.fill({ name: "Other" });
  assert.deepEqual([fields.name.value, fields.port.value], ["Mine", "8888"]);
});

test("a search finds words in all ways to write them", () => {
  assert.ok(matchesQuery("Café Ｄｅｅｐ Sky", "deep cafe\u0301".normalize("NFD")));
  assert.ok(matchesQuery("anything", "  ") && !matchesQuery("CASA 6.5", "casa 5.6"));
});

/** A look-up whose answers come when the test says so; `states` is what the page is told. */
function heldLookUp() {
  const [questions, states] = [[], []];
  const ask = (reference, signal) => new Promise((resolve, reject) => { questions.push({ reference, signal, resolve, reject }); });
  return { questions, states, lookUp: new LookUp({ ask, onState: (state) => states.push(state), pause: 0 }) };
}

const turn = () => new Promise((resolve) => { setTimeout(resolve, 1); });

async function until(condition) {
  for (let remaining = 2000; !condition(); remaining -= 1) {
    assert.ok(remaining > 0, "waited in vain");
    await turn();
  }
}

test("who writes on is not told of what was asked before", async () => {
  const { questions, states, lookUp } = heldLookUp();
  lookUp.change("a:latest");
  lookUp.change("ap:latest");
  await until(() => questions.length > 0);
  lookUp.change("app:latest");
  await until(() => questions.length > 1);
  assert.deepEqual(questions.map(({ reference }) => reference), ["ap:latest", "app:latest"]);
  assert.ok(questions[0].signal.aborted && !questions[1].signal.aborted);
  questions[0].resolve({ image: "old" });
  questions[1].resolve({ image: "new" });
  await until(() => states.some(({ state }) => state === "found"));
  assert.deepEqual(states.filter(({ state }) => state === "found"), [{ state: "found", image: { image: "new" } }]);
});

test("what is wrong is said, unless it does not matter any more", async () => {
  const { questions, states, lookUp } = heldLookUp();
  lookUp.change("private:latest");
  await until(() => questions.length > 0);
  questions[0].reject(new Error("The registry wants a login."));
  await until(() => states.some(({ state }) => state === "fault"));
  assert.equal(states.at(-1).message, "The registry wants a login.");
  lookUp.change("other:latest");
  await until(() => questions.length > 1);
  lookUp.change("");
  questions[1].reject(new Error("cancelled"));
  await turn();
  assert.deepEqual(states.at(-1), { state: "" });
});

test("uses are told as one says them", () => {
  const now = new Date(2026, 10, 27, 9, 0);
  const at = (...date) => ({ uses: 12, last_used: new Date(...date).toISOString() });
  const cases = [
    [at(2026, 10, 27, 1), "Used 12 times, last today"],
    [at(2026, 10, 26, 23, 59), "Used 12 times, last yesterday"],
    [at(2026, 10, 23, 12), "Used 12 times, last on Monday"],
    [at(2026, 10, 20, 23), "Used 12 times, last on 20 November"],
    [at(2025, 2, 3), "Used 12 times, last on 3 March 2025"],
    [{ ...at(2026, 10, 23), uses: 1 }, "Used once, on Monday"],
    [{ uses: 0, last_used: null }, ""],
  ];
  for (const [use, text] of cases) assert.equal(usesText(use, now), text);
});

test("a card says where it runs, how, and why not elsewhere", () => {
  const version = {
    computing: [{ name: "Amonra", support: "native" }, { name: "Pi", support: "emulated" }],
    unavailable: [{ name: "Vega", reason: "it runs amd64 only" }],
  };
  assert.equal(placesText(version), "Runs on Amonra, Pi (emulated)");
  assert.deepEqual(placesOf(version).at(-1), { name: "Vega", kind: "none", text: "it runs amd64 only" });
  assert.equal(placesText({ computing: [] }), "Runs on no computing resource of yours");
});

test("a link names what it starts", () => {
  assert.equal(startLink("/hub/", { software: "a&b", version: "", cpus: 4, start: "1" }), "/hub/spawn?software=a%26b&cpus=4&start=1");
});

test("one button tells all that a link asks for, or there is none", () => {
  assert.ok(isOneButton({ start: "1", software: "casa", cpus: "4" }));
  for (const preset of [{ software: "casa" }, { start: "1" }, { start: "1", software: "casa", binds: "/data:/x" }, { start: "yes", software: "casa" }]) {
    assert.ok(!isOneButton(preset), JSON.stringify(preset));
  }
  assert.equal(summaryText({ name: "CASA", version: "6.5", resource: "Cluster A", cpus: "4" }), "CASA 6.5 on Cluster A with 4 CPUs");
  assert.equal(
    summaryText({ name: "X", cpus: "1", memory: "8G", gpus: "2", gpuType: "a100", time: "90m" }),
    "X with 1 CPU, 8 GB, 2 a100 GPUs and 1 h 30 min",
  );
  assert.equal(summaryText({ name: "X", memory: "<b>" }), "X with <b>");
});
