// The Admin page. A tab is a module that exports `build<Tab>(root)`: it fills its panel once, when
// it is shown first, and returns `{show(), hide()}`, what has to happen each time (both may be absent).

import { element } from "../dom.js";
import { buildAccounts } from "./accounts.js";
import { buildAnnouncements } from "./announcements.js";
import { buildAudit } from "./audit.js";
import { buildComputing } from "./computing.js";
import { buildSoftware } from "./software.js";
import { Tabs } from "./tabs.js";
import { buildTasks } from "./tasks.js";
import { buildUsers } from "./users.js";

// With `ours`, a tab needs the hub to have Rosetta Hub's own authenticator.
const TABS = [
  { id: "tasks", title: "Tasks", build: buildTasks },
  { id: "users", title: "Users", build: buildUsers },
  { id: "computing", title: "Computing", build: buildComputing },
  { id: "announcements", title: "Announcements", build: buildAnnouncements },
  { id: "software", title: "Software", build: buildSoftware },
  { id: "accounts", title: "Accounts", build: buildAccounts, ours: true },
  { id: "audit", title: "Audit log", build: buildAudit },
];

const panels = element("panels");
const ours = panels.dataset.authenticator === "ours";
new Tabs(element("tabs"), panels, TABS.filter((tab) => ours || !tab.ours));
