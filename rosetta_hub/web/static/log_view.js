// The log of a task, live: follow, copy, download.

import { button, copyButton, linkButton } from "./ui.js";

// Longer logs are for the download: a page with megabytes of text does not scroll any more.
const LONGEST = 400_000;
const encoder = new TextEncoder();

export class LogView {
  constructor({ text, empty, tools, downloadUrl, fileName }) {
    this.text = text;
    this.empty = empty;
    this.following = true;
    this.reset();
    this.follow = button("Follow", "follow", "outline-secondary btn-sm", () => this.setFollowing(!this.following));
    tools.append(this.follow, copyButton("Copy", () => this.text.textContent),
      linkButton("Download", "download", "outline-secondary btn-sm", { href: downloadUrl, download: fileName }));
    text.addEventListener("scroll", () => this.scrolled());
    this.setFollowing(true);
  }

  reset() {
    this.next = 0;
    this.first = 0;
    this.text.textContent = "";
    this.empty.hidden = false;
  }

  /** A piece at an offset in bytes; what is known already, after a reconnection, is not repeated. */
  add({ offset, text }) {
    const data = encoder.encode(text);
    if (offset <= this.first && this.next > 0) this.reset();
    if (this.next === 0) this.first = offset;
    const overlap = this.next === 0 ? 0 : Math.max(0, this.next - offset);
    const fresh = overlap ? new TextDecoder().decode(data.subarray(overlap)) : text;
    this.next = Math.max(this.next, offset + data.length);
    if (fresh) this.append(fresh);
  }

  append(text) {
    this.empty.hidden = true;
    this.text.append(text);
    const whole = this.text.textContent;
    if (whole.length > LONGEST) {
      const cut = whole.indexOf("\n", whole.length - LONGEST) + 1;
      this.text.textContent = `… the beginning is in the download\n${whole.slice(cut)}`;
    }
    if (this.following) this.toEnd();
  }

  toEnd() {
    this.text.scrollTop = this.text.scrollHeight;
  }

  setFollowing(following) {
    this.following = following;
    this.follow.setAttribute("aria-pressed", String(following));
    if (following) this.toEnd();
  }

  /** Whoever scrolls up wants to read; whoever scrolls to the end wants to follow. */
  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.text;
    const atEnd = scrollHeight - scrollTop - clientHeight < 24;
    if (atEnd !== this.following) {
      this.following = atEnd;
      this.follow.setAttribute("aria-pressed", String(atEnd));
    }
  }
}
