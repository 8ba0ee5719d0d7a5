// What a task asks of its computing resource: one of its sizes, or amounts within its limits.

import { BoundedField, coresKind, KINDS, tightest } from "./bounded_field.js";
import { readInventory } from "./inventory.js";
import { ClusterOptions } from "./cluster_options.js";
import { all, element, setMessage } from "./dom.js";
import { IdentityNotice } from "./identity_notice.js";
import { Sizes } from "./sizes.js";
import { parseSize } from "./units.js";

// Milliseconds; the service's own inventory are as old.
const FRESH = 60000;

export class ResourceForm {
  /** `options` is what was sent before an error, by field name; each is put back once. */
  constructor(options) {
    this.kept = options;
    this.cpus = new BoundedField(element("option-cpus"), element("cpus-limit"), KINDS.cores);
    this.memory = new BoundedField(element("option-memory"), element("memory-limit"), KINDS.memory);
    this.time = new BoundedField(element("option-time"), element("time-limit"), KINDS.time);
    this.cluster = new ClusterOptions(() => this.bound());
    this.sizes = new Sizes(element("sizes"));
    this.identity = new IdentityNotice(element("identity"));
    this.foreign = element("catalogue").closest("form").dataset.foreign !== undefined;
    element("mode-simple").addEventListener("click", () => this.setAdvanced(false));
    element("mode-advanced").addEventListener("click", () => this.setAdvanced(true));
    // Whoever comes back from another tab may have set up a key there, and sees what is idle now.
    document.addEventListener("visibilitychange", () => document.hidden || this.refresh());
    window.addEventListener("pageshow", (event) => event.persisted && this.refresh());
  }

  /** Shows a resource as the catalogue describes it; null for none. */
  show(resource) {
    const other = this.resource?.id !== resource?.id;
    this.resource = resource;
    if (!other) return;
    this.queued = Boolean(resource) && resource.wms !== undefined && resource.wms !== "none";
    this.isPods = resource?.wms === "kubernetes";
    this.cluster.adapt(this.isPods);
    this.cluster.clear();
    this.tell("");
    this.fillIn();
    this.putBack();
    this.sizes.show(resource, this.kept.get("size"));
    const sized = Boolean(resource?.sizes?.length);
    element("mode").hidden = !sized;
    this.setAdvanced(!sized || this.keptAmounts);
    this.kept.clear();
    this.bound();
    this.refresh(true);
  }

  /** A queue wants to be told what the task needs; elsewhere what is left open is not limited. */
  fillIn() {
    const { defaults = {}, time, limits } = this.resource || {};
    this.cpus.kind = coresKind(this.resource?.wms);
    this.cpus.input.step = this.cpus.kind === KINDS.wholeCores ? "1" : "any";
    this.cpus.input.min = this.cpus.kind.least;
    this.cpus.input.placeholder = this.queued ? "" : defaults.cpus ?? limits?.cpus ?? "";
    const usual = asBytes(defaults.memory) ?? asBytes(limits?.memory);
    this.memory.input.placeholder = usual && !this.queued ? KINDS.memory.say(usual) : "2G";
    this.cpus.fill(this.queued ? defaults.cpus ?? null : null);
    this.memory.fill(this.queued ? asBytes(defaults.memory) : null);
    this.time.fill(this.queued ? time?.default ?? null : null);
  }

  putBack() {
    const fields = all("#request [name]");
    for (const field of fields) if (this.kept.has(field.name)) field.value = this.kept.get(field.name);
    this.keptAmounts = [...fields].some((field) => this.kept.has(field.name));
  }

  setAdvanced(advanced) {
    const sizes = element("sizes");
    sizes.hidden = sizes.disabled = advanced;
    const request = element("request");
    request.hidden = request.disabled = !advanced;
    for (const part of all("#request [data-queue]")) part.hidden = part.disabled = !this.queued;
    // What schedulers of batch jobs have, and Kubernetes can't be asked for.
    for (const part of all("#request [data-batch]")) part.hidden = part.disabled = !this.queued || this.isPods;
    element("mode-simple").setAttribute("aria-pressed", String(!advanced));
    element("mode-advanced").setAttribute("aria-pressed", String(advanced));
  }

  /** Limits as they are with what is chosen now. */
  bound() {
    const { limits = {}, time } = this.resource || {};
    const free = this.queued ? "" : "No limit";
    const limit = (what, most) => ({ free, ...tightest({ most }, this.cluster.limit(what)) });
    this.cpus.bound(limit("cpus", limits.cpus));
    this.cpus.input.max = this.cpus.limit.most ?? "";
    this.memory.bound(limit("memory", asBytes(limits.memory)));
    this.time.bound(limit("time", time?.max));
  }

  /** Asks the service for what it knows now. For somebody else it would tell of the wrong user. */
  async refresh(first = false) {
    const { resource } = this;
    const missing = await this.identity.show(this.foreign ? null : resource);
    if (missing || this.foreign || !this.queued || this.resource !== resource) return;
    if (!first && this.asked === resource.id && Date.now() - this.askedAt < FRESH) return;
    this.asked = resource.id;
    this.askedAt = Date.now();
    if (!this.cluster.inventory && !this.isPods) this.tell(`Asking ${resource.name} what is idle…`, "loading");
    const { inventory, error } = await readInventory(resource.id);
    if (this.resource !== resource) return;
    this.tell(error, error ? "fault" : "");
    if (inventory) this.cluster.show(inventory);
    else if (!this.cluster.inventory) this.cluster.unknown();
    this.bound();
  }

  tell(text, state = "") {
    const line = element("inventory-line");
    line.hidden = !text;
    line.dataset.state = state;
    setMessage(element("inventory-text"), text);
  }
}

function asBytes(size) {
  return typeof size === "string" ? parseSize(size) : size ?? null;
}
