// One file on its way into a storage, by tus: pieces, which go on where they were interrupted.

import { send, xsrfToken } from "../api.js";
import { loadBundled } from "./bundled.js";
import { uploadsUrl } from "./files_api.js";

const PIECE = 16 * 2 ** 20;
// Milliseconds; about ten minutes in which a service may start again. They begin anew with each piece.
const RETRIES = [0, 1000, 3000, 5000, 10000, ...Array(40).fill(15000)];
const LOGGED_OUT = "You are logged out. Reload the page and choose the same file again: the upload goes on where it was.";
const GONE = [404, 410];
const LOST = "Interrupted: the upload goes on as soon as the service answers again.";
const GIVEN_UP = "The service can't be reached. Try again: the upload goes on where it was.";

export class UploadJob {
  /** `onChange()` after each change. The path is encoded; `batch` is what was chosen together. */
  constructor({ file, storage, path, batch, onChange }) {
    this.file = file;
    this.storage = storage;
    this.path = path;
    this.batch = batch;
    this.onChange = onChange;
    this.isCounted = false;
    this.state = "waiting";
    this.message = "";
    this.sent = 0;
    this.conflict = null;
  }

  get size() {
    return this.file.size;
  }

  get isOver() {
    return ["done", "failed", "cancelled", "skipped"].includes(this.state);
  }

  set(state, message = "") {
    this.state = state;
    this.message = message;
    this.onChange();
  }

  async start() {
    this.set("running");
    try {
      const { Upload } = await loadBundled("tus");
      await this.run(Upload);
    } catch (error) {
      this.set("failed", error.message);
    }
  }

  async run(Upload) {
    const { file, path, conflict } = this;
    const upload = new Upload(file, {
      endpoint: uploadsUrl(this.storage.id),
      chunkSize: PIECE,
      retryDelays: RETRIES,
      removeFingerprintOnSuccess: true,
      fingerprint: async () => `rosetta ${this.storage.id} ${path} ${file.size} ${file.lastModified}`,
      metadata: { path, modified: String(file.lastModified / 1000), ...(conflict ? { conflict } : {}) },
      onBeforeRequest: (request) => request.setHeader("X-XSRFToken", xsrfToken()),
      onAfterResponse: (request, response) => checkOffset(request, response),
      onProgress: (count) => this.progressed(count),
      onShouldRetry: (error) => this.shouldRetry(error),
      onSuccess: () => this.finish(),
      onError: (error) => this.failed(error),
    });
    this.upload = upload;
    const [previous] = await upload.findPreviousUploads();
    if (previous && !conflict) upload.resumeFromPreviousUpload(previous);
    if (this.state === "running") upload.start();
  }

  progressed(count) {
    this.sent = count;
    this.message = "";
    this.onChange();
  }

  finish() {
    this.sent = this.size;
    this.set("done");
  }

  shouldRetry(error) {
    const status = statusOf(error);
    const isOffset = status === 409 && error.originalRequest?.getMethod() === "PATCH" && this.sent < this.size;
    const retries = status === 0 || status === 423 || status === 429 || (status >= 500 && status !== 507) || isOffset;
    if (retries) this.set("running", LOST);
    return retries;
  }

  failed(error) {
    const status = statusOf(error);
    this.set(status === 409 ? "conflict" : "failed", readMessage(error.originalResponse) || fallback(status));
  }

  /** Goes on after a conflict: `overwrite` or `rename`. */
  resolve(conflict) {
    this.conflict = conflict;
    // All bytes are there, and only the name was taken meanwhile.
    if (this.upload?.url && this.sent === this.size && this.size > 0) return this.nameAgain();
    return this.start();
  }

  async nameAgain() {
    this.set("running");
    const headers = { "Content-Type": "application/offset+octet-stream", "Tus-Resumable": "1.0.0", "Upload-Offset": String(this.size) };
    try {
      await send("PATCH", `${this.upload.url}?conflict=${this.conflict}`, "", headers);
      this.finish();
    } catch (error) {
      this.set("failed", error.message);
    }
  }

  retry() {
    return this.start();
  }

  async cancel() {
    this.set("cancelled");
    try {
      await this.upload?.abort(true);
    } catch {
      // What is left of it is swept by the service.
    }
  }
}

/** The status of the answer that is the error, 0 where there was none. */
function statusOf(error) {
  return error.originalResponse?.getStatus() ?? error.causingError?.status ?? 0;
}

/**
 * tus-js-client begins anew whenever it is not told how far an upload is, as by a service that starts
 * again. Only an upload that is gone is worth that; otherwise this error has it ask again.
 */
function checkOffset(request, response) {
  const status = response.getStatus();
  if (request.getMethod() !== "HEAD" || status < 400 || GONE.includes(status)) return;
  throw Object.assign(new Error("The service does not tell how far the upload is."), { status });
}

function fallback(status) {
  if (status === 0) return GIVEN_UP;
  if (status === 401 || status === 403) return LOGGED_OUT;
  return `The service answered with an error (${status}). Try again.`;
}

function readMessage(response) {
  try {
    return JSON.parse(response.getBody()).detail || "";
  } catch {
    return "";
  }
}
