// Unix sockets that nobody but their owner can open.

import fs from "node:fs";

/** Bind a server to a path, mode 0600 from its first moment. What a dead process left there is removed. */
export async function listenPrivately(server, path) {
  fs.rmSync(path, { force: true });
  const umask = process.umask(0o177);
  try {
    await new Promise((resolve, reject) => {
      server.once("error", reject);
      // Bound before listen() returns, so within this umask.
      server.listen(path, resolve);
    });
    server.removeAllListeners("error");
  } finally {
    process.umask(umask);
  }
}
