// A field for an amount, with the most that there is shown beside it. Help only: the service
// checks what is sent.

import { setText } from "./dom.js";
import { bytesDown, timeSpan } from "./format.js";
import { parseCount, parseNumber, parseSize, parseTime, writeSize, writeTime } from "./units.js";

const plain = { write: String, say: String };
export const KINDS = {
  cores: { ...plain, parse: parseNumber, least: 0.1, example: "a number of cores" },
  wholeCores: { ...plain, parse: parseCount, least: 1, example: "a whole number of cores" },
  count: { ...plain, parse: parseCount, least: 0, example: "a whole number" },
  memory: { parse: parseSize, write: writeSize, say: bytesDown, least: 1, example: "a size such as 512M or 2G" },
  time: { parse: parseTime, write: writeTime, say: timeSpan, least: 60, example: "a time such as 90m, 2h or 1d 12h" },
};

/** How cores are asked for: batch schedulers give whole ones, Kubernetes parts of them as well. */
export function coresKind(wms = "none") {
  return wms === "none" || wms === "kubernetes" ? KINDS.cores : KINDS.wholeCores;
}

export class BoundedField {
  constructor(input, hint, kind) {
    this.input = input;
    this.hint = hint;
    this.kind = kind;
    /** @type {{most?: number | null, where?: string, free?: string}} */
    this.limit = {};
    this.filled = "";
    input.addEventListener("input", () => this.check());
  }

  /** Fills in a value (null: none) as long as nobody has written another one. */
  fill(value) {
    const text = value === null ? "" : this.kind.write(value);
    if (this.input.value.trim() === this.filled) this.input.value = text;
    this.filled = text;
    this.check();
  }

  /** Sets the most that is allowed: `{most, where, free}`; `free` is said where `most` is null. */
  bound(limit) {
    this.limit = limit;
    this.check();
  }

  check() {
    const fault = this.fault();
    this.input.setCustomValidity(fault);
    this.input.setAttribute("aria-invalid", String(Boolean(fault)));
    this.hint.classList.toggle("form-fault", Boolean(fault));
    setText(this.hint, fault || this.limitText());
  }

  fault() {
    const text = this.input.value;
    if (this.input.disabled || !text.trim()) return "";
    const { parse, least, say, example } = this.kind;
    const value = parse(text);
    const { most = null, where } = this.limit;
    if (value === null) return `Write ${example}.`;
    if (value < least) return `At least ${say(least)}: write ${example}.`;
    return most !== null && value > most ? `At most ${say(most)} ${where || "here"}.` : "";
  }

  limitText() {
    const { most = null, where = "", free = "" } = this.limit;
    return most === null ? free : `Up to ${this.kind.say(most)}${where ? ` ${where}` : ""}`;
  }
}

/** The tightest of several limits; those whose `most` is null or absent bound nothing. */
export function tightest(...limits) {
  const bounds = limits.filter((limit) => (limit.most ?? null) !== null);
  return bounds.reduce((best, limit) => (limit.most < best.most ? limit : best), bounds[0] || { most: null });
}
