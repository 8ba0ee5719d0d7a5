// The page of a link: what it builds and starts, and the button that does it.

import { element, first, h, setText } from "../dom.js";
import { button, linkButton, pending } from "../ui.js";
import { shortCommit } from "./build_text.js";
import { buildPage, lookUpLink, makeSoftware, requestBuild, softwarePage, startSoftware } from "./builds_api.js";
import { optionsQuery, setIntent } from "./intent.js";
import { StartOptions } from "./start_options.js";

const main = first("main");

class LinkPage {
  constructor(link, adds) {
    this.link = link;
    this.adds = adds;
    this.act = button("", adds ? "plus" : "play", "primary btn-lg", () => pending(this.act, () => this.run()).then(() => this.hold()));
    this.act.hidden = true;
    element("actions").append(this.act, linkButton("Another repository", "edit", "outline-secondary", { href: `${main.dataset.prefix}v2/` }));
    if (!adds) this.options = new StartOptions(link, () => this.hold());
    element("retry").addEventListener("click", () => this.load());
    this.load();
  }

  async load() {
    element("fault").hidden = true;
    element("retry").hidden = false;
    element("looking").hidden = false;
    try {
      const [repository] = await Promise.all([lookUpLink(main.dataset.path), this.options?.load()]);
      this.options?.limit(repository.places);
      this.show(repository);
    } catch (error) {
      setText(element("fault-text"), error.message);
      element("fault").hidden = false;
    }
    element("looking").hidden = true;
  }

  show(repository) {
    this.found = repository;
    element("commit").replaceChildren(h("code", { title: repository.commit }, shortCommit(repository.commit)));
    setText(element("image"), repository.built ? "Built already" : "Not built yet. Building takes some minutes.");
    setText(this.act.lastElementChild, actionText(repository, this.adds));
    element("found").hidden = false;
    element("start-options").hidden = this.adds;
    this.act.hidden = false;
  }

  /** The button waits where the resource does not know the user. */
  hold() {
    const isHeld = Boolean(this.options?.held);
    this.act.disabled = isHeld;
    if (isHeld) this.act.setAttribute("aria-describedby", "identity");
    else this.act.removeAttribute("aria-describedby");
  }

  async run() {
    const options = this.adds ? {} : { ...this.options.options, urlpath: this.found.urlpath };
    const { provider, spec } = this.found;
    const build = await requestBuild({ provider, spec, ...this.asked });
    if (build.commit !== this.found.commit) this.tellMoved(build);
    else if (build.state === "done") await this.use(build, options);
    else this.follow(build, options);
  }

  /** What is started is what the page has shown: a branch may have moved since. */
  tellMoved({ commit }) {
    this.show({ ...this.found, commit });
    setText(element("fault-text"), `The repository has changed: it is at commit ${shortCommit(commit)} now. Press the button again to go on with that.`);
    element("retry").hidden = true;
    element("fault").hidden = false;
  }

  /** What of the link is the build's: the port of the interface. */
  get asked() {
    return this.link.port ? { port: this.link.port } : {};
  }

  async use(build, options) {
    const software = await makeSoftware(build.id);
    if (this.adds) location.assign(softwarePage(software.family));
    else await startSoftware(software, options);
  }

  follow(build, options) {
    setIntent(build.id, this.adds ? "add" : "start");
    location.assign(buildPage(build.id, optionsQuery(options)));
  }
}

function actionText({ built: isBuilt }, adds) {
  if (adds) return isBuilt ? "Add to my software" : "Build and add to my software";
  return isBuilt ? "Start" : "Build and start";
}

new LinkPage(JSON.parse(main.dataset.link), main.dataset.adds !== undefined);
