// Times at which tasks are stopped, as the browser's clock and zone have them.

/** What can be chosen without a calendar: as the API takes it, and in words. */
export const STOP_AFTER = [
  ["1h", "1 hour"],
  ["3h", "3 hours"],
  ["8h", "8 hours"],
  ["1d", "1 day"],
];

/** A time as `<input type="datetime-local">` has it. */
export function localValue(time) {
  const two = (number) => String(number).padStart(2, "0");
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day}T${two(time.getHours())}:${two(time.getMinutes())}`;
}

/** The next six o'clock in the evening: when most users go home. */
export function nextEvening(now = new Date()) {
  const evening = new Date(now);
  evening.setHours(18, 0, 0, 0);
  if (evening.getTime() - now.getTime() < 60000) evening.setDate(evening.getDate() + 1);
  return evening;
}

/** The time of a field in UTC (ISO 8601); an empty text where it holds none. */
export function isoValue(text) {
  const time = new Date(text);
  return text && !Number.isNaN(time.getTime()) ? time.toISOString() : "";
}
