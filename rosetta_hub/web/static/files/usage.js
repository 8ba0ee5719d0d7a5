// How full a storage is: a bar and a line of text, with a warning near the end.

import { h, icon, setText } from "../dom.js";
import { bytes } from "../format.js";

const NEARLY_FULL = 0.9;

/** What counts: the quota where there is one, because the disk's own room is everybody's. */
function readUsage(usage) {
  if (!usage) return null;
  const isQuota = Boolean(usage.quota);
  const total = isQuota ? usage.quota : usage.total;
  const used = isQuota ? usage.quota_used ?? usage.used : usage.used;
  if (!total) return null;
  const free = isQuota ? Math.min(usage.free, Math.max(0, total - used)) : usage.free;
  // As df does: what the system keeps for itself is neither used nor free.
  return { total, free, part: used + free > 0 ? used / (used + free) : 1, isQuota };
}

export class UsageBar {
  constructor() {
    this.bar = h("div", { class: "progress-bar" });
    this.progress = h("div", { class: "progress", role: "progressbar", "aria-label": "Used space", "aria-valuemin": 0, "aria-valuemax": 100 }, this.bar);
    this.text = h("span");
    this.warning = h("span", { class: "usage-warning", hidden: true }, icon("alert"), h("span"));
    this.element = h("div", { class: "usage", hidden: true }, this.progress, h("p", { class: "usage-text" }, this.text), this.warning);
  }

  update(usage) {
    const room = readUsage(usage);
    this.element.hidden = !room;
    if (!room) return;
    const percent = Math.round(100 * room.part);
    this.bar.style.width = `${percent}%`;
    this.progress.setAttribute("aria-valuenow", String(percent));
    setText(this.text, `${bytes(room.free)} free of ${bytes(room.total)}${room.isQuota ? " (your quota)" : ""}`);
    const isNear = room.part >= NEARLY_FULL;
    this.element.classList.toggle("usage-near", isNear);
    this.warning.hidden = !isNear;
    setText(this.warning.lastElementChild, percent >= 100 ? "Full: delete files before you save more." : `${percent} % are used: delete what you don't need.`);
  }
}
