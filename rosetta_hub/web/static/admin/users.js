// The tab "Users": who uses what, and the end of somebody's sessions.

import { CANCEL, openDialog } from "../dialogs.js";
import { h } from "../dom.js";
import { ago, bytes, moment } from "../format.js";
import { button, pending, toast } from "../ui.js";
import { changeAdmin, readAdmin } from "./admin_api.js";
import { AdminTable, row } from "./admin_table.js";
import { checkField } from "./fields.js";
import { Filters, textFilter } from "./filters.js";

const COLUMNS = [["name", "User"], ["active", "Active tasks"], ["cpus", "CPUs"], ["memory", "Memory"], ["tasks", "Tasks kept"], ["seen", "Last seen"], ["actions", "Actions"]];

class UsersTab {
  constructor(root) {
    this.filters = new Filters([textFilter("user", "User")], () => this.load());
    this.table = new AdminTable({ label: "Users", columns: COLUMNS, onMore: () => this.load(this.next) });
    root.append(
      h("p", { class: "faint" }, "Users who have tasks. “Users and groups on the hub” has everybody."),
      this.filters.element, this.table.element);
  }

  show() {
    return this.load();
  }

  async load(after = null) {
    try {
      const { users, next } = await readAdmin("users", { ...this.filters.read(), after });
      this.next = next;
      this.table.show(users.map(makeRow), { append: Boolean(after), hasMore: Boolean(next), text: "There are no such users." });
    } catch (error) {
      toast(error.message);
    }
  }
}

function makeRow(user) {
  const memory = user.memory_used ? `${bytes(user.memory)}, ${bytes(user.memory_used)} used` : bytes(user.memory);
  const lastSeen = user.last_seen ? h("time", { datetime: user.last_seen, title: moment(user.last_seen) }, ago(user.last_seen)) : "never";
  const end = button("End sessions", "close", "quiet btn-sm", () => endSessions(user.name, end));
  end.setAttribute("aria-label", `End sessions of ${user.name}`);
  return row(user.name, user.active, String(Number(user.cpus.toFixed(2))), memory, user.tasks, lastSeen, end);
}

async function endSessions(name, control) {
  const tokens = checkField("End API tokens, too", false);
  const answer = await openDialog({
    title: `End all sessions of ${name}?`,
    body: [h("p", {}, `${name} is logged out everywhere, and connections to tasks are cut. Tasks go on.`), tokens.element],
    buttons: [CANCEL, { value: "end", label: "End sessions", kind: "danger" }],
  });
  if (!answer) return;
  const path = `users/${encodeURIComponent(name)}/sessions/end`;
  const isDone = await pending(control, () => changeAdmin("POST", path, { api_tokens: tokens.control.checked }));
  if (isDone) toast(`${name} is logged out everywhere.`, "done");
}

/** Fills the panel. */
export function buildUsers(root) {
  return new UsersTab(root);
}
