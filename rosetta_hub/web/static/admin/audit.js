// The tab "Audit log": who did what, and from where.

import { h, icon, setText } from "../dom.js";
import { moment } from "../format.js";
import { toast } from "../ui.js";
import { adminUrl, readAdmin } from "./admin_api.js";
import { AdminTable, row } from "./admin_table.js";
import { choiceFilter, Filters, hoursAgo, textFilter } from "./filters.js";

const COLUMNS = [["time", "Time"], ["event", "Event"], ["actor", "Who"], ["user", "Whom it concerns"], ["what", "What"], ["address", "From"]];
const AGES = [["", "Any time"], ["1", "The last hour"], ["24", "The last day"], ["168", "The last week"], ["720", "The last 30 days"]];

class AuditTab {
  constructor(root) {
    this.events = choiceFilter("event", "Event", [["", "All events"]]);
    this.export = h("a", { class: "btn btn-outline-secondary btn-sm", download: "audit.jsonl" }, icon("download"), h("span", {}, "Export as JSON lines"));
    this.filters = new Filters([
      this.events, textFilter("user", "User"), textFilter("task", "Task", { placeholder: "id" }), choiceFilter("age", "Time", AGES),
    ], () => this.load(), this.export);
    this.table = new AdminTable({ label: "Audit log", columns: COLUMNS, onMore: () => this.load(this.next) });
    this.kept = h("p", { class: "faint" });
    root.append(this.filters.element, this.table.element, this.kept);
  }

  show() {
    return this.load();
  }

  read() {
    const { age, ...rest } = this.filters.read();
    return { ...rest, since: hoursAgo(age) };
  }

  async load(after = null) {
    const filters = this.read();
    this.export.href = adminUrl("audit/export", filters);
    try {
      const { records, next, events, days } = await readAdmin("audit", { ...filters, after });
      this.next = next;
      this.offer(events);
      this.table.show(records.map(recordRow), { append: Boolean(after), hasMore: Boolean(next), text: "There are no such records." });
      setText(this.kept, days ? `Records are kept for ${days} days.` : "Records are kept for ever.");
    } catch (error) {
      toast(error.message);
    }
  }

  /** All events, and the groups that they make. */
  offer(events) {
    const { control } = this.events;
    if (control.options.length > 1) return;
    const groups = [...new Set(events.map((event) => event.split(".")[0]))].filter((group) => events.filter((event) => event.startsWith(`${group}.`)).length > 1);
    const entries = [...groups.map((group) => [group, `${group}: all`]), ...events.map((event) => [event, event])].sort();
    control.append(...entries.map(([value, text]) => h("option", { value }, text)));
  }
}

function recordRow({ time, event, actor, user, task, target, address, detail }) {
  const parts = Object.entries(detail || {}).map(([key, value]) => `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
  const what = h("div", {}, ...[task && `task ${task}`, target, ...parts].filter(Boolean).map((text) => h("div", {}, text)));
  return row(h("time", { datetime: time }, moment(time)), h("code", {}, event), actor, user, what, address);
}

/** Fills the panel. */
export function buildAudit(root) {
  return new AuditTab(root);
}
