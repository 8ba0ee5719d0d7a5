// The builds of the user, newest first.

import { apiUrl, readPages } from "../api.js";
import { element, h } from "../dom.js";
import { ago, moment } from "../format.js";
import { stateBadge } from "../task_states.js";
import { buildStateName, isBuildEnded, lookOf, shortCommit, stepText } from "./build_text.js";
import { buildPage } from "./builds_api.js";

// Milliseconds between two looks while something is built. The page of a build is live.
const INTERVAL = 3000;

async function load() {
  const fault = element("interrupted");
  let again = true;
  try {
    const builds = await readPages(apiUrl("builds"), "builds");
    show(builds);
    fault.hidden = true;
    again = builds.some((build) => !isBuildEnded(build));
  } catch (error) {
    fault.textContent = error.message;
    fault.hidden = false;
  }
  element("loading").hidden = true;
  if (again) setTimeout(load, INTERVAL);
}

function show(builds) {
  const focused = /** @type {any} */ (document.activeElement)?.dataset?.build;
  element("builds").replaceChildren(...builds.map(row));
  if (focused) element("builds").querySelector(`[data-build="${CSS.escape(focused)}"]`)?.focus();
  element("empty").hidden = builds.length > 0;
}

function row(build) {
  const badge = stateBadge();
  badge.dataset.state = lookOf(build.state);
  badge.lastElementChild.textContent = buildStateName(build.state);
  return h("li", { class: "server-row" },
    h("div", { class: "task-body" },
      h("a", { class: "task-name", href: buildPage(build.id), "data-build": build.id }, build.repository),
      h("span", { class: "task-where" }, [build.ref, shortCommit(build.commit), stepText(build)].filter(Boolean).join(" · "))),
    h("div", { class: "build-side" },
      h("time", { class: "task-time", datetime: build.created, title: moment(build.created) }, ago(build.created)),
      badge));
}

load();
