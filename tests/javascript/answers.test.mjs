// Answers that an event may have overtaken.

import assert from "node:assert/strict";
import { test } from "node:test";

import { showUnlessNewer } from "../../rosetta_hub/web/static/answers.js";

class Page {
  shown = { id: "1", state: "running" };

  run(act) {
    return showUnlessNewer(() => this.shown, act, (answer) => { this.shown = answer; });
  }
}

test("an answer is shown, and given back", async () => {
  const page = new Page();
  const answer = await page.run(async (task) => ({ ...task, state: "stopping" }));
  assert.equal(page.shown.state, "stopping");
  assert.equal(answer, page.shown);
});

test("what an event has told meanwhile stays, also where it says the same", async () => {
  for (const state of ["failed", "running"]) {
    const page = new Page();
    const event = { id: "1", state };
    const answer = await page.run(async (task) => {
      page.shown = event;
      return { ...task, state: "stopping" };
    });
    assert.equal(page.shown, event);
    assert.equal(answer.state, "stopping");
  }
});

test("an answer about nothing is not shown", async () => {
  for (const nothing of [undefined, null, {}]) {
    const page = new Page();
    const before = page.shown;
    assert.equal(await page.run(async () => nothing), nothing);
    assert.equal(page.shown, before);
  }
});

test("an action that fails shows nothing", async () => {
  const page = new Page();
  const before = page.shown;
  await assert.rejects(page.run(async () => { throw new Error("no"); }), /no/);
  assert.equal(page.shown, before);
});
