// Server-sent events that survive: the browser reconnects after a lost connection, and this does
// after an answer that makes the browser give up.

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 15000;
// A reload of the page closes the stream too: only what lasts is worth a banner.
const PATIENCE = 1200;

export class LiveEvents {
  /**
   * `handlers`: functions by event name (`task`, `gone`, `log`), each given the decoded data.
   * `onConnect` runs at each (re)connection, `onInterrupted(bool)` when the stream is lost and back.
   */
  constructor(url, { handlers, onConnect = () => {}, onInterrupted = () => {} }) {
    this.url = url;
    this.handlers = handlers;
    this.onConnect = onConnect;
    this.onInterrupted = onInterrupted;
    this.wait = FIRST_WAIT;
    this.open();
  }

  open() {
    clearTimeout(this.retryTimer);
    this.source = new EventSource(this.url);
    this.source.onopen = () => this.connected();
    this.source.onerror = () => this.lost();
    for (const [name, handle] of Object.entries(this.handlers)) {
      this.source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
    }
  }

  close() {
    clearTimeout(this.retryTimer);
    clearTimeout(this.bannerTimer);
    this.bannerTimer = null;
    this.source.close();
  }

  connected() {
    this.wait = FIRST_WAIT;
    clearTimeout(this.bannerTimer);
    this.bannerTimer = null;
    this.onInterrupted(false);
    this.onConnect();
  }

  lost() {
    this.bannerTimer ??= setTimeout(() => this.onInterrupted(true), PATIENCE);
    if (this.source.readyState !== EventSource.CLOSED) return;
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => this.open(), this.wait);
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }
}

/** Shows or hides the banner of a page whose events are interrupted. */
export function showInterrupted(banner, interrupted) {
  const text = interrupted ? "Live updates are interrupted, trying again…" : "";
  if (banner.textContent !== text) banner.textContent = text;
  banner.hidden = !interrupted;
}
