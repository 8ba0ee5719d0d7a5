// Numbers and times for users.

import { first } from "./dom.js";

/** `512 MB`, `1.5 GB`: powers of 1024, one decimal at most. */
export function bytes(count) {
  let value = count;
  for (const unit of ["B", "KB", "MB", "GB"]) {
    if (value < 1024) return `${trim(value, value < 10 && unit !== "B" ? 1 : 0)} ${unit}`;
    value /= 1024;
  }
  return `${trim(value, 1)} TB`;
}

/** As `bytes`, but never more than there is: for limits. */
export function bytesDown(count) {
  const power = Math.min(4, Math.max(0, Math.floor(Math.log2(count) / 10)));
  const unit = 1024 ** power;
  const tenths = power === 4 || (power > 0 && count < 10 * unit);
  return bytes((tenths ? Math.floor((10 * count) / unit) / 10 : Math.floor(count / unit)) * unit);
}

function trim(value, digits) {
  return String(Number(value.toFixed(digits)));
}

/** Seconds as `42 s`, `3 min 05 s`, `2 h 07 min`, `3 d 4 h`. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

const UNITS_OF_TIME = [
  { unit: "d", length: 86400 },
  { unit: "h", length: 3600 },
  { unit: "min", length: 60 },
  { unit: "s", length: 1 },
];

/** A length of time without what is zero: `2 h`, `1 d 12 h`, `90 s` as `1 min 30 s`. */
export function timeSpan(seconds) {
  const parts = [];
  let rest = Math.floor(seconds);
  for (const { unit, length } of UNITS_OF_TIME) {
    if (rest >= length) parts.push(`${Math.floor(rest / length)} ${unit}`);
    rest %= length;
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

/** Seconds since an ISO 8601 time, null without one. */
export function secondsSince(iso) {
  return iso ? (Date.now() - Date.parse(iso)) / 1000 : null;
}

const WORDS = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** `just now`, `5 minutes ago`, `yesterday`. */
export function ago(iso) {
  const seconds = secondsSince(iso);
  if (seconds === null) return "never";
  if (seconds < 45) return "just now";
  if (seconds < 3600) return WORDS.format(-Math.max(1, Math.round(seconds / 60)), "minute");
  if (seconds < 86400) return WORDS.format(-Math.round(seconds / 3600), "hour");
  return WORDS.format(-Math.round(seconds / 86400), "day");
}

// Making a format takes longer than all else of a row, and a dashboard has a date in each row.
const dateFormats = new Map();

/**
 * A format in the language and the time zone that the user has chosen on the page Account, or in the
 * browser's: pages of the hub do not know the choice.
 */
function dateFormat(options) {
  const { language, timeZone } = first("main[data-time-zone]")?.dataset ?? {};
  const key = JSON.stringify([language, timeZone, options]);
  if (!dateFormats.has(key)) dateFormats.set(key, makeDateFormat(language, timeZone, options));
  return dateFormats.get(key);
}

function makeDateFormat(language, timeZone, options) {
  try {
    return new Intl.DateTimeFormat(language || undefined, { ...options, timeZone: timeZone || undefined });
  } catch {
    // The browser does not know the one or the other.
    return new Intl.DateTimeFormat(undefined, options);
  }
}

/**
 * A date with the user's time zone and language; `options` as those of Intl.DateTimeFormat.
 * @param {Date} date
 * @param {Intl.DateTimeFormatOptions} options
 */
export function formatDate(date, options) {
  return dateFormat(options).format(date);
}

/** Whether a date is of the same day as another one (now), for the user. */
export function isToday(date, now = new Date()) {
  const day = (value) => formatDate(value, { dateStyle: "short" });
  return day(date) === day(now);
}

/** Date and time. */
export function moment(iso) {
  return iso ? formatDate(new Date(iso), { dateStyle: "medium", timeStyle: "medium" }) : "";
}

/** The time of day, and the day where it is another one. */
export function clock(iso) {
  const at = new Date(iso);
  /** @type {Intl.DateTimeFormatOptions} */
  const time = { hour: "2-digit", minute: "2-digit" };
  if (isToday(at)) return formatDate(at, time);
  return formatDate(at, { weekday: "short", day: "numeric", month: "short", ...time });
}

const PROTOCOLS = { http: "Web", https: "Web" };

/** The short name of an interface: `Web`, `SSH`, `VNC`. */
export function protocolName(protocol) {
  return PROTOCOLS[protocol] || (protocol || "").toUpperCase();
}

/** A directory of a task in words: `Scratch at /storages/scratch (read-only)`. */
export function storageText({ name, path, read_only: readOnly }) {
  return `${name} at ${path}${readOnly ? " (read-only)" : ""}`;
}
