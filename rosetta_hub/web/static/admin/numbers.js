// Numbers by day: three small charts, drawn here, and a table of the same for screen readers and
// whoever wants the numbers.

import { h } from "../dom.js";
import { toast } from "../ui.js";
import { readAdmin } from "./admin_api.js";
import { AdminTable, row } from "./admin_table.js";

const SVG = "http://www.w3.org/2000/svg";
const DAYS = 30;
const [WIDTH, HEIGHT] = [300, 64];
const SERIES = [["starts", "Starts"], ["most_running", "Most running at a time"], ["failures", "Failures"]];

export class Numbers {
  constructor() {
    this.charts = h("div", { class: "admin-charts" });
    this.table = new AdminTable({ label: "Numbers by day and computing resource", columns: [["day", "Day"], ["computing", "Computing"], ...SERIES] });
    const details = h("details", {}, h("summary", {}, "The numbers by computing resource"), this.table.element);
    this.element = h("section", { class: "admin-panel", "aria-labelledby": "numbers-title" }, h("h2", { class: "section-title", id: "numbers-title" }, `The last ${DAYS} days`), this.charts, details);
  }

  async load() {
    try {
      const { numbers } = await readAdmin("numbers", { days: DAYS });
      this.charts.replaceChildren(...SERIES.map(([key, title]) => makeChart(title, sumByDay(numbers, key))));
      this.table.show(numbers.map((entry) => row(entry.day, entry.computing, ...SERIES.map(([key]) => String(entry[key])))), { text: "Nothing has been counted yet." });
    } catch (error) {
      toast(error.message);
    }
  }
}

/** One number for each of the last days (UTC), those without any included. */
function sumByDay(numbers, key, today = new Date()) {
  const days = Array.from({ length: DAYS }, (_, index) => new Date(today.getTime() - 86400000 * (DAYS - 1 - index)).toISOString().slice(0, 10));
  return days.map((day) => numbers.filter((entry) => entry.day === day).reduce((sum, entry) => sum + entry[key], 0));
}

function makeChart(title, values) {
  const most = Math.max(1, ...values);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(...values.map((value, index) => makeBar(value / most, index, values.length)));
  const total = `${title}: ${values.at(-1)} today, at most ${Math.max(...values)}`;
  return h("figure", { class: "admin-chart" }, svg, h("figcaption", {}, total));
}

function makeBar(part, index, count) {
  const bar = document.createElementNS(SVG, "rect");
  const width = WIDTH / count;
  const height = Math.max(1, part * HEIGHT);
  for (const [name, value] of Object.entries({ x: index * width, y: HEIGHT - height, width: width - 2, height })) bar.setAttribute(name, String(value));
  return bar;
}
