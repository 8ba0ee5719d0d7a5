// One line an event on standard error, as the Python processes write it, in local time. Paths, cookies
// and other content of requests never get here.

const pad = (number, length = 2) => String(number).padStart(length, "0");

function formatTime(time) {
  const date = `${time.getFullYear()}-${pad(time.getMonth() + 1)}-${pad(time.getDate())}`;
  const clock = `${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())}`;
  return `${date} ${clock},${pad(time.getMilliseconds(), 3)}`;
}

// As in log_format.py: what a browser or a container sent may be in the message of an error.
const UNSAFE = /(?![\t\n])[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
const escape = (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** A line of the log; the further lines of a message, such as a stack's, are indented. */
export function formatLine(level, message, time = new Date()) {
  const text = String(message).replace(UNSAFE, escape).replaceAll("\n", "\n    ");
  return `[${level} ${formatTime(time)} edge] ${text}\n`;
}

function write(level, message) {
  process.stderr.write(formatLine(level, message));
}

export const log = {
  // CHP logs each request at this level, with its path.
  debug(_message) {},
  info: (message) => write("I", message),
  warn: (message) => write("W", message),
  error: (message) => write("E", message),
};
