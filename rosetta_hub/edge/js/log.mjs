// One line an event on standard error, as the Python processes write it, in local time. Paths, cookies
// and other content of requests never get here.

const pad = (number, length = 2) => String(number).padStart(length, "0");

function formatTime(time) {
  const date = `${time.getFullYear()}-${pad(time.getMonth() + 1)}-${pad(time.getDate())}`;
  const clock = `${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())}`;
  return `${date} ${clock},${pad(time.getMilliseconds(), 3)}`;
}

function write(level, message) {
  process.stderr.write(`[${level} ${formatTime(new Date())} edge] ${message}\n`);
}

export const log = {
  // CHP logs each request at this level, with its path.
  debug(_message) {},
  info: (message) => write("I", message),
  warn: (message) => write("W", message),
  error: (message) => write("E", message),
};
