// A link with `start=1`: one button that says what it starts, and the form behind it.

import { all, element, first, setText } from "./dom.js";
import { bytes, timeSpan } from "./format.js";
import { parseSize, parseTime } from "./units.js";

// What the button names. A link that asks for more shows the whole form: nothing starts unseen.
const NAMED = new Set(["start", "software", "version", "computing", "cpus", "memory", "time", "gpus", "gpu_type", "size"]);

/** Whether a link's options are such that one button tells all of them. */
export function isOneButton(preset) {
  return preset.start === "1" && Boolean(preset.software) && Object.keys(preset).every((key) => NAMED.has(key));
}

/** `CASA 6.5 on Cluster A with 4 CPUs and 8 GB` */
export function summaryText({ name, version = "", resource = "", cpus = "", memory = "", time = "", gpus = "", gpuType = "", size = "" }) {
  const plural = (count, word) => `${count} ${word}${String(count) === "1" ? "" : "s"}`;
  const amounts = [
    size && `the size ${size}`,
    cpus && plural(cpus, "CPU"),
    memory && (parseSize(memory) === null ? memory : bytes(parseSize(memory))),
    gpus && gpus !== "0" && plural(gpus, [gpuType, "GPU"].filter(Boolean).join(" ")),
    time && (parseTime(time) === null ? time : timeSpan(parseTime(time))),
  ].filter(Boolean);
  const last = amounts.pop();
  const listed = amounts.length ? `${amounts.join(", ")} and ${last}` : last;
  return [name, version, resource && `on ${resource}`, listed && `with ${listed}`].filter(Boolean).join(" ");
}

export class OneButton {
  /** `form`: the whole form, which shows itself where the button does not do. */
  constructor(form) {
    this.form = form;
    this.box = element("one-button");
    element("one-button-change").addEventListener("click", () => {
      this.leave();
      element("options-title").focus();
    });
    form.addEventListener("invalid", () => this.leave(), true);
    // A key that is missing, or a slow answer of the cluster, is told in the form.
    this.watcher = new MutationObserver(() => this.check());
    for (const id of ["identity", "emulation"]) this.watcher.observe(element(id), { attributeFilter: ["hidden"] });
    form.addEventListener("input", () => this.describe());
    form.classList.add("has-one-button");
    this.box.hidden = false;
    this.describe();
    this.check();
  }

  describe() {
    const data = new FormData(this.form);
    const read = (key) => String(data.get(key) ?? "").trim();
    const radio = first("input[name=software]:checked", this.form);
    const computing = element("option-computing");
    const text = summaryText({
      name: radio.dataset.name,
      version: all("option", element("option-version")).length > 1 || read("version") !== "latest" ? read("version") : "",
      resource: computing.selectedOptions[0]?.textContent,
      cpus: read("cpus"),
      memory: read("memory"),
      time: read("time"),
      gpus: read("gpus"),
      gpuType: read("gpu_type"),
      size: read("size"),
    });
    setText(element("one-button-label"), `Start ${text}`);
  }

  /** Whether there is something to decide: then the form shows itself. */
  check() {
    this.describe();
    if (["identity", "emulation"].some((id) => !element(id).hidden)) this.leave();
  }

  leave() {
    this.watcher.disconnect();
    this.form.classList.remove("has-one-button");
    this.box.hidden = true;
  }
}
