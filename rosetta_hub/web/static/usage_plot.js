// A plot of one number over time: an SVG, a cursor that pointer and keys move, and what it points at.

import { h, setText } from "./dom.js";
import { clock } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
// Units of the drawing, which is stretched to the width that there is.
export const WIDTH = 600;
export const HEIGHT = 120;
// What is left free above the highest line.
const ROOM = 1.08;

/** Where the points are in the drawing; `null` in the place of values that are not known. */
export function placePoints(times, values, top) {
  const begin = times[0];
  const length = times[times.length - 1] - begin;
  return values.map((value, index) => {
    if (value === null || value === undefined) return null;
    const x = length > 0 ? ((times[index] - begin) / length) * WIDTH : WIDTH;
    return [round(x), round(HEIGHT - (Math.min(value, top) / top) * HEIGHT)];
  });
}

/** The highest number of the drawing: what was asked for is in it. */
export function topOf(values, request) {
  const most = Math.max(request || 0, ...values.map((value) => value || 0));
  return most > 0 ? most * ROOM : 1;
}

/** The line through the points, with a gap where one is missing, as the path of an SVG. */
export function linePath(points) {
  return points
    .map((point, index) => point && `${points[index - 1] ? "L" : "M"}${point[0]} ${point[1]}`)
    .filter(Boolean)
    .join(" ");
}

/** The index of the point that is nearest to a fraction of the width. */
export function nearestPoint(times, fraction) {
  const at = times[0] + fraction * (times[times.length - 1] - times[0]);
  let best = 0;
  for (let index = 1; index < times.length; index += 1) {
    if (Math.abs(times[index] - at) < Math.abs(times[best] - at)) best = index;
  }
  return best;
}

const round = (number) => Math.round(number * 10) / 10;

const KEYS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };

export class UsagePlot {
  /** `format` writes a number, `read` gets it from a point of the API; `full` is always shown. */
  constructor({ name, read, format, full = 0 }) {
    this.read = read;
    this.format = format;
    this.full = full;
    this.index = null;
    this.line = part("path", "usage-line");
    this.asked = part("line", "usage-asked", { x1: 0, x2: WIDTH });
    this.cursor = part("line", "usage-cursor", { y1: 0, y2: HEIGHT });
    const svg = part("svg", "", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    svg.append(this.asked, this.line, this.cursor);
    this.value = h("span", { class: "usage-value" });
    this.begin = h("span");
    this.end = h("span");
    this.moment = h("span", { class: "usage-moment", hidden: true });
    this.control = h("div", {
      class: "usage-plot", role: "slider", tabindex: "0", "aria-label": `${name} over time`, "aria-valuemin": "0",
      onkeydown: (event) => this.press(event),
      onpointermove: (event) => this.point(event),
      onpointerleave: () => this.move(null),
    }, svg);
    this.element = h("div", { class: "usage-figure", hidden: true },
      h("p", { class: "usage-head" }, h("span", { class: "usage-name" }, name), this.value),
      this.control,
      h("p", { class: "usage-times", "aria-hidden": "true" }, this.begin, this.moment, this.end));
  }

  /** Shows the points of the API; `limit` is what the task may use, null where nobody has said. */
  update(points, limit) {
    this.times = points.map((point) => Date.parse(point.time));
    this.values = points.map(this.read);
    this.limit = limit;
    this.element.hidden = points.length < 2 || !this.values.some((value) => value !== null);
    if (this.element.hidden) return;
    const top = topOf(this.values, limit || this.full);
    this.line.setAttribute("d", linePath(placePoints(this.times, this.values, top)));
    this.asked.setAttribute("visibility", limit ? "visible" : "hidden");
    const level = limit ? HEIGHT - (limit / top) * HEIGHT : 0;
    this.asked.setAttribute("y1", String(level));
    this.asked.setAttribute("y2", String(level));
    setText(this.begin, clock(points[0].time));
    setText(this.end, clock(points[points.length - 1].time));
    this.control.setAttribute("aria-valuemax", String(points.length - 1));
    this.move(this.index);
  }

  /** Points at one of the numbers, with null at the last. */
  move(index) {
    const last = this.times.length - 1;
    this.index = index === null || index >= last ? null : Math.max(0, index);
    const position = this.index ?? last;
    const x = placePoints(this.times, this.times.map(() => 0), 1)[position][0];
    this.cursor.setAttribute("x1", String(x));
    this.cursor.setAttribute("x2", String(x));
    const value = this.values[position];
    const text = value === null || value === undefined ? "not known" : this.format(value);
    const limit = this.limit ? ` of ${this.format(this.limit)}` : "";
    const time = clock(new Date(this.times[position]).toISOString());
    setText(this.value, `${text}${limit}`);
    // In the place of the ends: a line more would move the plot away from the pointer.
    setText(this.moment, time);
    this.moment.hidden = this.index === null;
    this.begin.hidden = this.end.hidden = this.index !== null;
    this.control.setAttribute("aria-valuenow", String(position));
    this.control.setAttribute("aria-valuetext", `${time}: ${text}${limit}`);
  }

  press(event) {
    const last = this.times.length - 1;
    const from = this.index ?? last;
    const to = { Home: 0, End: last }[event.key] ?? (event.key in KEYS ? from + KEYS[event.key] : null);
    if (to === null) return;
    event.preventDefault();
    this.move(to);
  }

  point(event) {
    const box = this.control.getBoundingClientRect();
    this.move(nearestPoint(this.times, (event.clientX - box.left) / box.width));
  }
}

function part(name, className, attributes = {}) {
  const node = document.createElementNS(SVG, name);
  if (className) node.setAttribute("class", className);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  return node;
}
