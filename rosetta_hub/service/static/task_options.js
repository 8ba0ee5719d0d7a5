// The second step: what can be set for the chosen software, out of what the catalogue says of it.
// All of it is help only: the service checks what is sent.

import { h } from "./dom.js";
import { bytes } from "./format.js";

const SIZE = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?\s*$/i;
const FACTORS = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const element = (id) => document.getElementById(id);

/** Bytes of a size such as 512M or 1.5G (powers of 1024), null for anything else. */
export function parseSize(text) {
  const match = SIZE.exec(text);
  return match ? Number(match[1]) * FACTORS[match[2].toUpperCase()] : null;
}

function asBytes(size) {
  return typeof size === "string" ? parseSize(size) : size;
}

/** The options of a select; keeps what was chosen where it is there again. */
function fill(select, entries) {
  const before = select.value;
  select.replaceChildren(...entries.map(([value, label]) => h("option", { value }, label)));
  if (entries.some(([value]) => value === before)) select.value = before;
}

export class TaskOptions {
  constructor() {
    this.name = element("option-name");
    this.computing = element("option-computing");
    this.version = element("option-version");
    this.engine = element("option-engine");
    this.runtime = element("option-runtime");
    this.cpus = element("option-cpus");
    this.memory = element("option-memory");
    this.version.addEventListener("change", () => this.showComputing());
    this.computing.addEventListener("change", () => this.showResource());
    this.engine.addEventListener("change", () => this.showRuntimes());
    this.memory.addEventListener("input", () => this.checkMemory());
    this.kept = new Map([...document.querySelectorAll("#container-options [name]")].map((field) => [field, field.dataset.kept]));
  }

  /** Shows what the software of a card can be given. */
  show(radio) {
    const native = radio.dataset.kind === "native";
    element("options-title").textContent = radio.dataset.name;
    this.name.placeholder = radio.dataset.name;
    const container = element("container-options");
    container.hidden = container.disabled = native;
    for (const own of document.querySelectorAll("[data-own-form]")) {
      own.hidden = own.disabled = own.dataset.ownForm !== radio.value;
    }
    if (native) return;
    this.versions = JSON.parse(radio.dataset.versions);
    const standard = this.versions.find((version) => version.default) || this.versions[0];
    fill(this.version, this.versions.map(({ tag }) => [tag, tag]));
    this.version.value = standard.tag;
    this.restore(this.version);
    element("version-field").hidden = this.versions.length < 2;
    this.showComputing();
  }

  /** What was sent before an error is there again, once. */
  restore(field) {
    const kept = this.kept.get(field);
    this.kept.delete(field);
    if (kept === undefined) return;
    const fits = field.tagName !== "SELECT" || [...field.options].some((option) => option.value === kept);
    if (fits) field.value = kept;
  }

  showComputing() {
    const version = this.versions.find(({ tag }) => tag === this.version.value);
    this.resources = version?.computing || [];
    fill(this.computing, this.resources.map(({ id, name }) => [id, name]));
    this.restore(this.computing);
    this.computing.setCustomValidity(this.resources.length ? "" : "No computing resource of yours runs this version.");
    this.showResource();
  }

  showResource() {
    const resource = this.resources.find(({ id }) => id === this.computing.value);
    element("computing-description").textContent = resource?.description || "";
    const { cpus = null, memory = null } = resource?.limits || {};
    const defaults = resource?.defaults || {};
    this.cpus.max = cpus ?? "";
    this.cpus.placeholder = defaults.cpus ?? cpus ?? "";
    element("cpus-limit").textContent = cpus ? `Up to ${cpus}` : "No limit";
    this.mostMemory = asBytes(memory);
    const usual = asBytes(defaults.memory) ?? this.mostMemory;
    this.memory.placeholder = usual ? bytes(usual) : "2G";
    element("memory-limit").textContent = this.mostMemory ? `Up to ${bytes(this.mostMemory)}` : "No limit";
    this.restore(this.cpus);
    this.restore(this.memory);
    this.checkMemory();
    fill(this.engine, (resource?.engines || []).map(({ engine }) => [engine, engine]));
    this.restore(this.engine);
    this.resource = resource;
    this.showRuntimes();
  }

  showRuntimes() {
    const engine = (this.resource?.engines || []).find((one) => one.engine === this.engine.value);
    const runtimes = engine?.runtimes || [];
    fill(this.runtime, runtimes.length ? runtimes.map((name) => [name, name]) : [["", "Default"]]);
    this.restore(this.runtime);
  }

  checkMemory() {
    const asked = parseSize(this.memory.value);
    const tooMuch = asked !== null && this.mostMemory && asked > this.mostMemory;
    this.memory.setCustomValidity(tooMuch ? `At most ${bytes(this.mostMemory)} here.` : "");
  }
}
