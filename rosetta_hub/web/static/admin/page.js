// The Admin page. A tab is a module that exports `build<Tab>(root)`: it fills its panel once, when
// it is shown first, and returns `{show(), hide()}`, what has to happen each time (both may be absent).

import { element } from "../dom.js";
import { buildAnnouncements } from "./announcements.js";
import { buildAudit } from "./audit.js";
import { buildComputing } from "./computing.js";
import { Tabs } from "./tabs.js";

const TABS = [
  { id: "computing", title: "Computing", build: buildComputing },
  { id: "announcements", title: "Announcements", build: buildAnnouncements },
  { id: "audit", title: "Audit log", build: buildAudit },
];

new Tabs(element("tabs"), element("panels"), TABS);
