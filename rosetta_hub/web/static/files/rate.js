// How fast something goes, over the last seconds, and how long the rest takes.

import { bytes, duration } from "../format.js";

const WINDOW = 8000;

export class RateMeter {
  constructor() {
    /** @type {{at: number, done: number}[]} */
    this.samples = [];
  }

  /** Notes how many bytes are done in all at a time, in milliseconds. */
  add(count, at = performance.now()) {
    this.samples.push({ at, done: count });
    while (this.samples.length > 2 && this.samples[0].at < at - WINDOW) this.samples.shift();
  }

  /** Bytes a second, null while it can't be said. */
  get rate() {
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    if (!first || last.at - first.at < 500) return null;
    return Math.max(0, (1000 * (last.done - first.done)) / (last.at - first.at));
  }
}

/** `12 MB of 40 MB, 5 MB/s, 6 s left`, as far as it is known. */
export function progressText(count, total, rate, secondsLeft = null) {
  const parts = [`${bytes(count)} of ${bytes(total)}`];
  if (rate) parts.push(`${bytes(rate)}/s`);
  const seconds = secondsLeft ?? (rate ? (total - count) / rate : null);
  if (seconds !== null && Number.isFinite(seconds) && count < total) parts.push(`${duration(Math.ceil(seconds))} left`);
  return parts.join(", ");
}
