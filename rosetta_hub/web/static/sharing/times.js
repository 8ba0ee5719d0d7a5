// Lengths of time that a share or a link may last.

const HOUR = 3600;

/** Seconds and words; null: no end. */
export const UNTIL = [
  [null, "until you end it"],
  [HOUR, "for an hour"],
  [8 * HOUR, "for 8 hours"],
  [24 * HOUR, "for a day"],
  [7 * 24 * HOUR, "for a week"],
  [30 * 24 * HOUR, "for 30 days"],
];

/** The ISO 8601 time so many seconds from now; null without. */
export function timeAfter(seconds) {
  return seconds === null ? null : new Date(Date.now() + 1000 * seconds).toISOString();
}
