// Amounts as users write them into a field, read as the service reads them.

const SIZE = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?\s*$/i;
const FACTORS = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const TIME = /^\s*(?:(\d+)\s*d)?\s*(?:(\d+)\s*h)?\s*(?:(\d+)\s*m(?:in)?)?\s*(?:(\d+)\s*s)?\s*$/i;
const SECONDS = { d: 86400, h: 3600, m: 60, s: 1 };

/** Bytes of a size such as 512M or 1.5G (powers of 1024), null for anything else. */
export function parseSize(text) {
  const match = SIZE.exec(text);
  return match ? Number(match[1]) * FACTORS[match[2].toUpperCase()] : null;
}

/** The shortest exact tunnel to write a number of bytes: `2G`, `1536M`. */
export function writeSize(count) {
  const unit = ["T", "G", "M", "K"].find((letter) => count % FACTORS[letter] === 0) || "";
  return `${count / FACTORS[unit]}${unit}`;
}

/** Seconds of a time such as 90m, 2h, 1d 12h or 5400, null for anything else. */
export function parseTime(text) {
  if (/^\s*\d+\s*$/.test(text)) return Number(text);
  const match = TIME.exec(text);
  if (!match || !text.trim()) return null;
  return Object.values(SECONDS).reduce((sum, factor, index) => sum + factor * Number(match[index + 1] || 0), 0);
}

/** A number of seconds as one would write it into a field: `2h`, `1d 12h`. */
export function writeTime(seconds) {
  const parts = [];
  let rest = Math.floor(seconds);
  for (const [unit, factor] of Object.entries(SECONDS)) {
    if (rest >= factor) parts.push(`${Math.floor(rest / factor)}${unit}`);
    rest %= factor;
  }
  return parts.join(" ");
}

/** A number that is whole, null for anything else. */
export function parseCount(text) {
  return /^\s*\d+\s*$/.test(text) ? Number(text) : null;
}

/** A number, null for anything else. */
export function parseNumber(text) {
  return text.trim() && Number.isFinite(Number(text)) ? Number(text) : null;
}
