// The simple form: the sizes that the administrator has named, as cards to choose from.

import { h } from "./dom.js";
import { bytes, timeSpan } from "./format.js";

const NO_BREAK = "\u00a0";

export class Sizes {
  constructor(box) {
    this.box = box;
    this.list = box.querySelector("[data-sizes]");
  }

  /** Shows the sizes of a resource; `preset` is chosen, or the first. */
  show(resource, preset) {
    const sizes = resource?.sizes || [];
    const choice = sizes.find(({ name }) => name === preset) || sizes[0];
    this.list.replaceChildren(...sizes.map((size) => h("label", { class: "size-choice" },
      h("input", { type: "radio", name: "size", value: size.name, checked: size === choice }),
      h("span", { class: "size-name" }, size.label || capital(size.name)),
      h("span", { class: "size-text" }, describe(size, resource)))));
  }
}

/** A size in words; what it leaves open is what the resource gives a task by itself. */
function describe(size, resource) {
  const { defaults = /** @type {any} */ ({}), time } = resource;
  const cpus = size.cpus ?? defaults.cpus;
  const memory = size.memory ?? defaults.memory;
  const seconds = size.time ?? time?.default;
  const gpus = size.gpus ? `${size.gpus} ${[size.gpu_type, size.gpus === 1 ? "GPU" : "GPUs"].filter(Boolean).join(" ")}` : "";
  return [
    cpus && `${cpus} ${cpus === 1 ? "core" : "cores"}`,
    memory && bytes(memory),
    gpus,
    seconds && timeSpan(seconds),
  ].filter(Boolean).map((part) => part.replaceAll(" ", NO_BREAK)).join(" · ");
}

function capital(name) {
  return name[0].toUpperCase() + name.slice(1);
}
