// The page of one build: its place in the queue, its steps, its log, and what follows.

import { showUnlessNewer } from "../answers.js";
import { all, announce, element, first, plainText, setMessage, setText } from "../dom.js";
import { LiveEvents } from "../events.js";
import { LogView } from "../log_view.js";
import { button, confirmDialog, linkButton, pending } from "../ui.js";
import {
  buildStateName, isBuildEnded, isBuilding, lookOf, percentDone, phaseOf, positionText, shortCommit, stepText, waitingText,
} from "./build_text.js";
import { buildEventsUrl, buildPage, buildUrl, cancelBuild, makeSoftware, requestBuild, softwarePage, startSoftware } from "./builds_api.js";
import { intentOf, optionsQuery, readOptions, setIntent } from "./intent.js";

const main = first("main");

class BuildPage {
  constructor(build) {
    this.options = readOptions(location.search);
    // From "Try again" until the page that the answer leads to.
    this.repeating = false;
    this.log = new LogView({
      text: element("log-text"),
      empty: element("log-empty"),
      tools: element("log-tools"),
      downloadUrl: buildUrl(build.id, "/log"),
      fileName: `build-${build.id}.log`,
    });
    this.makeActions();
    this.update(build);
    this.listen();
  }

  makeActions() {
    this.start = button("Start", "play", "primary", () => this.use(this.start, "start"));
    this.add = button("Add to my software", "plus", "outline-secondary", () => this.use(this.add, "add"));
    this.retry = button("Try again", "again", "primary", () => pending(this.retry, () => this.again()));
    this.cancel = button("Cancel", "stop", "outline-secondary", () => pending(this.cancel, () => this.giveUp()));
    this.other = linkButton("Another repository", "edit", "outline-secondary", { href: `${main.dataset.prefix}v2/` });
    element("actions").append(this.start, this.add, this.retry, this.cancel, this.other);
  }

  listen() {
    const { id } = this.build;
    this.events = new LiveEvents({
      makeUrl: () => buildEventsUrl(id),
      probeUrl: buildUrl(id),
      banner: element("interrupted"),
      handlers: {
        build: (build) => build.id === id && this.update(build),
        log: (piece) => this.log.add(piece),
        gone: () => this.leave(),
      },
      onMissing: () => this.leave(),
    });
  }

  leave() {
    this.events.close();
    location.assign(`${main.dataset.prefix}builds`);
  }

  update(build) {
    const before = this.build;
    this.build = build;
    const name = buildStateName(build.state);
    if (before && before.state !== build.state) announce(`${name}. ${plainText(build.message || "")}`);
    document.title = `${name}: ${build.repository}`;
    main.dataset.state = lookOf(build.state);
    const badge = element("state");
    badge.dataset.state = lookOf(build.state);
    setText(badge.lastElementChild, name);
    setMessage(element("build-message"), build.message || "");
    showCommit(build);
    showPhases(build);
    showSteps(build);
    showQueue(build);
    showFailure(build);
    this.showActions();
    if (build.state === "done") this.carryOn();
  }

  showActions() {
    const { build } = this;
    const isDone = build.state === "done";
    this.start.hidden = this.add.hidden = !isDone;
    this.retry.hidden = !["failed", "cancelled"].includes(build.state);
    this.cancel.hidden = isBuildEnded(build) || build.cancelling;
    this.other.hidden = !isBuildEnded(build) || isDone;
    const intent = intentOf(build.id);
    const text = intent === "start" ? "The task starts as soon as the image is ready." : "The image is added to your software as soon as it is ready.";
    setText(element("intent"), intent && !isBuildEnded(build) ? text : "");
    element("opens").hidden = !this.options.urlpath;
    setText(element("opens-path"), this.options.urlpath || "");
  }

  /** What was asked for before the build began happens now, once. */
  carryOn() {
    const intent = intentOf(this.build.id);
    // The page that follows carries on: what begins here would be cut off.
    if (!intent || this.repeating) return;
    setIntent(this.build.id, null);
    this.use(intent === "start" ? this.start : this.add, intent);
  }

  use(control, intent) {
    return pending(control, async () => {
      const software = await makeSoftware(this.build.id);
      if (intent === "start") await startSoftware(software, this.options);
      else location.assign(softwarePage(software.family));
    });
  }

  async again() {
    const { provider, spec, port } = this.build;
    this.repeating = true;
    try {
      const build = await requestBuild({ provider, spec, again: true, ...(port ? { port } : {}) });
      setIntent(build.id, intentOf(this.build.id));
      location.assign(buildPage(build.id, optionsQuery(this.options)));
    } catch (error) {
      this.repeating = false;
      this.update(this.build);
      throw error;
    }
  }

  async giveUp() {
    const others = this.build.waiting > 1;
    const text = others ? "The others who wait for the image still get it." : "What has been built so far is lost.";
    if (!(await confirmDialog({ title: "Cancel this build?", text, action: "Cancel the build" }))) return;
    const build = await showUnlessNewer(() => this.build, cancelWithIntent, (answer) => this.update(answer));
    if (!build?.id) this.leave();
  }
}

async function cancelWithIntent({ id }) {
  const build = await cancelBuild(id);
  setIntent(id, null);
  return build;
}

function showCommit({ ref, commit }) {
  setText(element("ref"), ref || "");
  const code = element("commit");
  setText(code, shortCommit(commit) || "not known yet");
  code.title = commit || "";
}

function showPhases(build) {
  const now = phaseOf(build);
  all("li", element("phases")).forEach((item, index) => {
    item.dataset.done = String(index < now || now === 2);
    if (index === now && now < 2) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  });
  element("phases").hidden = now < 0;
}

function showSteps(build) {
  element("progress").hidden = !isBuilding(build);
  const part = percentDone(build);
  const bar = element("progress-line");
  bar.classList.toggle("progress-unknown", part === null);
  element("progress-bar").style.width = part === null ? "" : `${part}%`;
  if (part === null) bar.removeAttribute("aria-valuenow");
  else bar.setAttribute("aria-valuenow", String(part));
  const text = stepText(build);
  if (text) bar.setAttribute("aria-valuetext", text);
  else bar.removeAttribute("aria-valuetext");
  setText(element("progress-text"), text);
}

function showQueue(build) {
  const lines = [positionText(build), waitingText(build)].filter(Boolean);
  setText(element("queue"), lines.join(" "));
  element("queue").hidden = lines.length === 0;
}

/** The step that failed and its last lines, beside the cause. */
function showFailure(build) {
  const failed = build.state === "failed";
  const lines = failed ? build.log_tail || [] : [];
  element("failed-step").hidden = !(failed && build.failed_step);
  setText(element("failed-step-text"), build.failed_step || "");
  element("tail").hidden = lines.length === 0;
  const text = element("tail-text");
  setText(text, lines.join("\n"));
  // What went wrong stands at the end.
  text.scrollTop = text.scrollHeight;
}

new BuildPage(JSON.parse(main.dataset.build));
