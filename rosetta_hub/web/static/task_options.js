// The second step: what can be set for the chosen software, out of what the catalogue says of it.
// All of it is help only: the service checks what is sent.

import { all, element, h, requestLink } from "./dom.js";
import { ResourceForm } from "./resource_form.js";
import { fillStaging } from "./staging_options.js";
import { StorageOptions } from "./storage_options.js";

/** Why a resource can't be chosen, with a link where access can be asked for. */
function deniedText({ name, reason, request }) {
  return h("span", {}, `Not on ${name}: ${reason} `, requestLink(request));
}

/** The options of a select; keeps what was chosen where it is there again. */
function fill(select, entries) {
  const before = select.value;
  select.replaceChildren(...entries.map(([value, label]) => h("option", { value }, label)));
  if (entries.some(([value]) => value === before)) select.value = before;
}

/** The picture of a software, where its entry names one. */
function showScreenshot({ dataset }) {
  const image = element("screenshot");
  image.hidden = !dataset.screenshot;
  image.alt = `Screenshot of ${dataset.name}`;
  if (dataset.screenshot) image.src = dataset.screenshot;
  else image.removeAttribute("src");
}

export class TaskOptions {
  /** `options` is what was sent before an error, by field name; each is put back once. */
  constructor(options) {
    this.kept = options;
    this.name = element("option-name");
    this.computing = element("option-computing");
    this.version = element("option-version");
    this.engine = element("option-engine");
    this.runtime = element("option-runtime");
    this.emulated = element("option-emulated");
    // Before the form of the resource, which takes what it has put back.
    this.storages = new StorageOptions(options);
    fillStaging(options);
    this.request = new ResourceForm(options);
    this.version.addEventListener("change", () => this.showComputing());
    this.computing.addEventListener("change", () => this.showResource());
    this.engine.addEventListener("change", () => {
      this.engineChosen = true;
      this.showRuntimes();
    });
  }

  /** Shows what the software of a card can be given. */
  show(radio) {
    const native = radio.dataset.kind === "native";
    element("options-title").textContent = radio.dataset.name;
    this.name.placeholder = radio.dataset.name;
    const container = element("container-options");
    container.hidden = container.disabled = native;
    for (const own of all("[data-own-form]")) {
      own.hidden = own.disabled = own.dataset.ownForm !== radio.value;
    }
    showScreenshot(radio);
    if (native) {
      this.request.show(null);
      this.storages.show(null);
      return;
    }
    this.versions = JSON.parse(radio.dataset.versions);
    const standard = this.versions.find((version) => version.default) || this.versions[0];
    fill(this.version, this.versions.map(({ tag }) => [tag, tag]));
    this.version.value = standard.tag;
    this.restore(this.version);
    element("version-field").hidden = this.versions.length < 2;
    this.showComputing();
  }

  /** What was sent before an error is there again, once; true where it could be chosen. */
  restore(select) {
    const value = this.kept.get(select.name);
    this.kept.delete(select.name);
    const isOffered = [...select.options].some((option) => option.value === value);
    if (isOffered) select.value = value;
    return isOffered;
  }

  showComputing() {
    const version = this.versions.find(({ tag }) => tag === this.version.value);
    this.resources = version?.computing || [];
    fill(this.computing, this.resources.map(({ id, name }) => [id, name]));
    this.restore(this.computing);
    this.computing.setCustomValidity(this.resources.length ? "" : "No computing resource of yours runs this version.");
    const unavailable = element("computing-unavailable");
    unavailable.hidden = !version?.unavailable?.length;
    unavailable.replaceChildren(...(version?.unavailable || []).map(deniedText));
    this.showResource();
  }

  showResource() {
    this.resource = this.resources.find(({ id }) => id === this.computing.value) || null;
    element("computing-description").textContent = this.resource?.description || "";
    fill(this.engine, (this.resource?.engines || []).map(({ engine }) => [engine, engine]));
    // Each resource has its own usual engine; only what somebody has chosen goes along.
    if (!this.engineChosen && this.resource) this.engine.value = this.resource.defaults.engine;
    this.engineChosen ||= this.restore(this.engine);
    this.showRuntimes();
    this.showEmulation();
    this.request.show(this.resource);
    this.storages.show(this.resource);
  }

  /** What is much slower than elsewhere has to be wanted. */
  showEmulation() {
    const emulated = this.resource?.support === "emulated";
    element("emulation").hidden = !emulated;
    this.emulated.disabled = !emulated;
    if (emulated) this.emulated.checked ||= this.kept.get("emulated") === "true";
  }

  showRuntimes() {
    const engine = (this.resource?.engines || []).find((entry) => entry.engine === this.engine.value);
    const runtimes = engine?.runtimes || [];
    fill(this.runtime, runtimes.length ? runtimes.map((name) => [name, name]) : [["", "Default"]]);
    this.restore(this.runtime);
    // The engine of pods is the cluster's own: there is nothing to choose but its runtime.
    const isOwn = engine?.engine === "internal";
    element("engine-field").hidden = isOwn;
    element("advanced").hidden = isOwn && runtimes.length < 2;
    // What is not the usual choice must not start unseen.
    const usual = !this.resource || this.engine.value === this.resource.defaults.engine;
    if (!usual || this.runtime.selectedIndex > 0) element("advanced").open = true;
  }
}
