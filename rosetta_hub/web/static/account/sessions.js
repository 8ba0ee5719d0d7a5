// The section "Sessions": in which browsers the user is logged in, and the end of that.

import { apiUrl, call } from "../api.js";
import { first, h } from "../dom.js";
import { ago, moment } from "../format.js";
import { button, confirmDialog, pending } from "../ui.js";

const HINT = `Whoever is logged out has to log in again, and connections to your tasks are closed there. Tasks go on.
  Logging out everywhere includes this browser.`;

function row(session, reload) {
  const lastSeen = session.last_seen ? `last here ${ago(session.last_seen)}` : "";
  const since = session.first_seen ? `since ${moment(session.first_seen)}` : "";
  const where = [session.address, since, lastSeen].filter(Boolean).join(" · ");
  const here = session.current ? [" ", h("span", { class: "account-badge" }, "This browser")] : [];
  return h("li", { class: "panel account-row" },
    h("div", { class: "account-row-text" },
      h("span", {}, h("strong", {}, session.browser), ...here),
      h("span", { class: "faint" }, where),
      h("span", { class: "faint" }, `Logged in at: ${session.services.join(", ")}`)),
    ...(session.current ? [] : [endButton(session, reload)]));
}

/** Ends one login; this browser's own ends by the page's "Logout". */
function endButton(session, reload) {
  const control = button("Log out", "stop", "outline-secondary", () => pending(control, async () => {
    await call("DELETE", apiUrl(`account/sessions/${session.id}`));
    await reload();
  }));
  control.setAttribute("aria-label", `Log out ${session.browser}`);
  return control;
}

async function endAll(control) {
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
  const list = h("ul", { class: "identities", id: "session-list" });
  const load = async () => {
    const { sessions } = await call("GET", apiUrl("account/sessions"));
    list.hidden = !sessions.length;
    list.replaceChildren(...sessions.map((session) => row(session, load)));
  };
  await load();
  const control = button("Log out everywhere", "stop", "outline-danger", () => endAll(control));
  root.append(list, h("p", { class: "faint account-hint" }, HINT), h("div", { class: "actions" }, control));
}
