// Server-sent events that survive a service that restarts, a network that comes and goes, and a
// session that ends.

import { call } from "./api.js";

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15000;
// The service ends a stream now and then, to look at rights anew; that is not worth a banner, nor
// is the end that a reload of the page brings.
const PATIENCE = 1500;

const INTERRUPTED = "Live updates are interrupted, trying again…";
const LOGGED_OUT = "You are logged out. Reload the page to log in again.";

export class LiveEvents {
  /**
   * `makeUrl()`: the address of the stream. `probeUrl`: what is asked with GET when the stream
   * can't be had; its error tells why. `handlers`: functions by event name (`task`, `gone`,
   * `log`), each given the decoded data. `onConnect()` runs at each connection, which counts as lost
   * where that fails; `onMissing()` when what the stream is about is not there any more. `banner`:
   * the element that tells the user.
   */
  constructor({ makeUrl, probeUrl, handlers, onConnect = () => {}, onMissing = () => {}, banner }) {
    this.makeUrl = makeUrl;
    this.probeUrl = probeUrl;
    this.handlers = handlers;
    this.onConnect = onConnect;
    this.onMissing = onMissing;
    this.banner = banner;
    this.failures = 0;
    this.open();
  }

  open() {
    this.close();
    this.closed = false;
    this.source = new EventSource(this.makeUrl());
    this.source.onopen = () => this.connected();
    this.source.onerror = () => this.lost();
    for (const [name, handle] of Object.entries(this.handlers)) {
      this.source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
    }
  }

  close() {
    this.closed = true;
    clearTimeout(this.retryTimer);
    this.source?.close();
  }

  async connected() {
    const source = this.source;
    try {
      await this.onConnect();
    } catch {
      if (this.source === source && !this.closed) this.lost();
      return;
    }
    if (source.readyState !== EventSource.OPEN) return;
    this.failures = 0;
    clearTimeout(this.bannerTimer);
    this.bannerTimer = null;
    this.tell("");
  }

  /** The browser would try again by itself, but not after every error, and not with a new token. */
  lost() {
    this.source.close();
    clearTimeout(this.retryTimer);
    this.failures += 1;
    this.bannerTimer ??= setTimeout(() => this.tell(INTERRUPTED), PATIENCE);
    const wait = Math.min(FIRST_WAIT * 2 ** (this.failures - 1), LONGEST_WAIT);
    this.retryTimer = setTimeout(() => this.retry(), wait);
  }

  async retry() {
    if (this.failures > 1) {
      const reason = await this.probe();
      if (this.closed) return undefined;
      if (reason?.status === 404) return this.onMissing();
      if (reason?.loggedOut) {
        clearTimeout(this.bannerTimer);
        return this.tell(LOGGED_OUT);
      }
    }
    return this.open();
  }

  async probe() {
    try {
      await call("GET", this.probeUrl);
      return null;
    } catch (error) {
      return error;
    }
  }

  tell(text) {
    if (this.banner.textContent !== text) this.banner.textContent = text;
    this.banner.hidden = !text;
  }
}
