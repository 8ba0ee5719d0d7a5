// The section "Sessions": in which browsers the user is logged in, and the end of that.

import { apiUrl, call } from "../api.js";
import { first, h } from "../dom.js";
import { ago, moment } from "../format.js";
import { button, confirmDialog, pending } from "../ui.js";

const HINT = `JupyterHub ends all logins of a user at once, also this one. To end a single one, log out in that browser.
  Your tasks go on.`;

function row(session) {
  const seen = session.last_seen ? `last here ${ago(session.last_seen)}` : "";
  const since = session.first_seen ? `since ${moment(session.first_seen)}` : "";
  const where = [session.address, since, seen].filter(Boolean).join(" · ");
  const here = session.current ? [" ", h("span", { class: "account-badge" }, "This browser")] : [];
  return h("li", { class: "panel account-row" }, h("div", { class: "account-row-text" },
    h("span", {}, h("strong", {}, session.browser), ...here),
    h("span", { class: "faint" }, where),
    h("span", { class: "faint" }, `Logged in at: ${session.services.join(", ")}`)));
}

async function end(control) {
  const sure = await confirmDialog({
    title: "Log out everywhere?",
    text: "All browsers have to log in again, this one included. Open connections to your tasks are closed; tasks go on.",
    action: "Log out everywhere",
  });
  if (!sure) return;
  await pending(control, async () => {
    await call("DELETE", apiUrl("account/sessions"));
    location.assign(`${first("[data-hub]").dataset.hub}login`);
  });
}

export async function buildSessions(root) {
  const { sessions } = await call("GET", apiUrl("account/sessions"));
  const control = button("Log out everywhere", "stop", "outline-danger", () => end(control));
  root.append(
    h("ul", { class: "identities", id: "session-list", hidden: !sessions.length }, ...sessions.map(row)),
    h("p", { class: "faint account-hint" }, HINT),
    h("div", { class: "actions" }, control));
}
