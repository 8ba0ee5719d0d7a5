// GPUs of a task: how many, and of which type, out of those of the chosen partition.

import { BoundedField, KINDS } from "./bounded_field.js";
import { ChoiceField } from "./choice_field.js";
import { element, setText } from "./dom.js";


export class GpuOptions {
  constructor() {
    this.count = new BoundedField(element("option-gpus"), element("gpus-limit"), KINDS.count);
    this.type = new ChoiceField(element("option-gpu-type"), () => this.typeChosen());
    this.hint = element("gpu-type-hint");
    this.gpus = null;
  }

  clear() {
    this.count.input.value = this.count.filled = "";
    this.type.clear();
    this.unknown();
  }

  /** Nothing is known of the GPUs: both are fields to write in. */
  unknown() {
    this.gpus = null;
    this.type.ask();
    this.enable(true);
    setText(this.hint, "");
    this.count.bound({});
  }

  /** The GPUs of a partition; their number is bound by what one node has. */
  offer(gpus, where) {
    this.gpus = gpus;
    const named = gpus.filter(({ type }) => type);
    this.type.offer([{ value: "", label: gpus.length ? "Any type" : "None" },
      ...named.map((gpu) => ({ value: gpu.type, label: `${gpu.type} · ${idle(gpu)}` }))]);
    this.enable(gpus.length > 0);
    if (gpus.length === 0) this.count.input.value = this.count.filled = "";
    this.where = where;
    this.bound();
  }

  enable(enabled) {
    this.type.disabled = !enabled;
    this.count.input.disabled = !enabled;
  }

  /** One type without a number is one GPU. */
  typeChosen() {
    this.count.fill(this.type.value ? 1 : null);
    if (this.gpus) this.bound();
  }

  bound() {
    if (this.gpus.length === 0) {
      setText(this.hint, "");
      this.count.bound({ free: `None ${this.where}` });
      return;
    }
    const gpus = this.gpus.filter(({ type }) => !this.type.value || type === this.type.value);
    const most = Math.max(...gpus.map((gpu) => gpu.per_node ?? gpu.total));
    const sum = (key) => gpus.reduce((total, gpu) => total + gpu[key], 0);
    setText(this.hint, idle({ idle: sum("idle"), total: sum("total") }));
    this.count.bound({ most, where: "on a node" });
  }
}

function idle(gpu) {
  return `${gpu.idle} of ${gpu.total} idle`;
}
