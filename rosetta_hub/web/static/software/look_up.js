// Looks images up while somebody writes: a moment after the last key, one at a time, the last wins.

// Milliseconds after the last key.
const PAUSE = 400;

export class LookUp {
  /**
   * `ask(reference, signal)` resolves to what is known of the image;
   * `onState({state, image, message})`: `state` is "", `asking`, `found` or `fault`.
   */
  constructor({ ask, onState, pause = PAUSE }) {
    this.onState = onState;
    this.ask = ask;
    this.pause = pause;
    this.reference = "";
  }

  /** The reference as it is now; an empty one is not looked up. */
  change(reference) {
    if (reference === this.reference) return;
    this.cancel();
    this.reference = reference;
    if (!reference) this.onState({ state: "" });
    else this.timer = setTimeout(() => this.run(reference), this.pause);
  }

  /** Forgets what is under way. */
  cancel() {
    clearTimeout(this.timer);
    this.request?.abort();
    this.request = null;
    this.reference = "";
  }

  async run(reference) {
    this.request?.abort();
    const request = new AbortController();
    this.request = request;
    this.onState({ state: "asking" });
    try {
      const image = await this.ask(reference, request.signal);
      if (!request.signal.aborted) this.onState({ state: "found", image });
    } catch (error) {
      if (!request.signal.aborted) this.onState({ state: "fault", message: error.message });
    }
  }
}
