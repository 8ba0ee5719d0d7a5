// What a task uses over time, beside what it asked for: messages, plots, and the numbers in a table.

import { call, taskUrl } from "./api.js";
import { element, h } from "./dom.js";
import { bytes, clock } from "./format.js";
import { isEnded } from "./task_states.js";
import { UsagePlot } from "./usage_plot.js";

// Milliseconds: samples are of ten seconds at least.
const REFRESH = 30_000;

const cpus = (number) => String(Number(number.toFixed(1)));
const percent = (number) => `${Math.round(number)} %`;
const COLUMNS = [
  { name: "CPUs", read: (point) => point.cpus, format: cpus },
  { name: "Memory", read: (point) => point.memory, format: bytes },
  { name: "GPUs", read: (point) => point.gpu_percent, format: percent, full: 100 },
  { name: "Memory of the GPUs", read: (point) => point.gpu_memory, format: bytes },
];

export class UsagePanel {
  constructor(taskId) {
    this.url = taskUrl(taskId, "/usage");
    this.panel = element("usage-panel");
    this.plots = COLUMNS.map((column) => new UsagePlot(column));
    element("usage-plots").append(...this.plots.map((plot) => plot.element));
    element("usage-numbers").addEventListener("toggle", () => this.showTable());
    setInterval(() => this.refresh(), REFRESH);
  }

  /** Another state or attempt: what was used by then is worth a look. */
  update(task) {
    const isNews = this.task?.state !== task.state || this.task?.attempt !== task.attempt;
    this.task = task;
    if (isNews && task.started) this.read();
  }

  refresh() {
    if (!isEnded(this.task) && document.visibilityState === "visible") this.read();
  }

  async read() {
    let usage;
    try {
      usage = await call("GET", this.url);
    } catch {
      // The page tells by itself when the service is away; the plots stay as they are.
      return;
    }
    if (usage.attempt === this.task.attempt) this.show(usage);
  }

  show(usage) {
    const { points, asked_for: request } = usage;
    const limits = [request.cpus, request.memory, null, usage.gpu_memory_total];
    this.points = points;
    this.panel.hidden = points.length < 2;
    element("usage-summary").replaceChildren(...usage.summary.map((message) => h("li", {}, message)));
    this.plots.forEach((plot, index) => plot.update(points, limits[index]));
    this.showTable();
  }

  showTable() {
    if (!element("usage-numbers").open) return;
    const columns = COLUMNS.filter((_, index) => !this.plots[index].element.hidden);
    const heads = ["Until", ...columns.map(({ name }) => name)].map((name) => h("th", { scope: "col" }, name));
    const rows = this.points.map((point) => h("tr", {},
      h("th", { scope: "row" }, clock(point.time)),
      ...columns.map(({ read, format }) => h("td", {}, read(point) === null ? "" : format(read(point))))));
    element("usage-table").replaceChildren(h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...rows));
  }
}
