// One line an event on standard error. Paths, cookies and other content of requests never get here.

function write(level, message) {
  process.stderr.write(`${new Date().toISOString()} ${level} ${message}\n`);
}

export const log = {
  // CHP logs each request at this level, with its path.
  debug() {},
  info: (message) => write("info", message),
  warn: (message) => write("warning", message),
  error: (message) => write("error", message),
};
