// The button that starts: off while the form is being sent, and where the resource can't be used.

import { element, setText } from "./dom.js";

export const SENDING = "sending";

const button = element("start");
const label = element("start-label");
const reasons = new Set();

/**
 * Holds the button back for a reason, or gives that reason up: `SENDING`, or the id of the element
 * that tells the user.
 */
export function holdStart(reason, isHeld) {
  if (isHeld) reasons.add(reason);
  else reasons.delete(reason);
  button.disabled = element("one-button-start").disabled = reasons.size > 0;
  button.setAttribute("aria-describedby", [...reasons].filter((entry) => entry !== SENDING).join(" "));
  setText(label, reasons.has(SENDING) ? "Starting…" : "Start");
}
