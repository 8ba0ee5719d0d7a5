// A tus client that is not ours: `node upload.mjs ENDPOINT FILE PATH`; a line for each step.

import { createReadStream, statSync } from "node:fs";

import { Upload } from "tus-js-client";

const [endpoint, file, path] = process.argv.slice(2);
const tell = (step) => console.log(JSON.stringify(step));

new Upload(createReadStream(file), {
  endpoint,
  headers: { Authorization: "token alice" },
  chunkSize: 4 << 20,
  uploadSize: statSync(file).size,
  retryDelays: Array(50).fill(100),
  metadata: { path: encodeURI(path), modified: String(statSync(file).mtimeMs / 1000) },
  onChunkComplete: (_, accepted) => tell({ accepted }),
  onError: (error) => {
    tell({ error: String(error) });
    process.exitCode = 1;
  },
  onSuccess: () => tell({ success: true }),
}).start();
