// The dashboard: a row a task, kept up to date by the service's events. All active tasks are there,
// and of the ended ones the newest; the first lists come with the page.

import { apiUrl, call, eventsUrl, readPages } from "./api.js";
import { announce, element, first, plainText } from "./dom.js";
import { DrainedList } from "./drained.js";
import { LiveEvents } from "./events.js";
import { readShared, sharedText } from "./sharing/shared_with_me.js";
import { TaskRow } from "./task_row.js";
import { isEnded, stateName } from "./task_states.js";
import { pending, toast } from "./ui.js";

// Ended tasks that are loaded at once; a page of the API has a thousand at most.
const ENDED_AT_ONCE = 50;
const MOST = 1000;

class Dashboard {
  constructor() {
    this.rows = new Map();
    this.drained = new DrainedList(element("drained"));
    this.owner = first("main").dataset.user;
    // How many lists were asked for, and which of them is the latest that has come.
    this.asked = 0;
    this.latest = 0;
    this.heardSince = new Set();
    // Where the ended tasks go on that are not here yet; null where all are.
    this.nextEnded = null;
    this.more = element("more-ended");
    this.more.addEventListener("click", () => pending(this.more, () => this.loadMore()));
    const { active, ended } = JSON.parse(element("first-lists").textContent);
    this.take(active, ended);
    this.explainShares().catch((error) => toast(error.message));
    this.events = new LiveEvents({
      // The lists are loaded again when no change can be missed any more.
      makeUrl: () => `${eventsUrl()}&changes=1`,
      probeUrl: apiUrl("tasks?limit=1"),
      banner: element("interrupted"),
      handlers: {
        task: (task) => this.heard(task),
        gone: ({ id }) => this.remove(id),
      },
      onConnect: () => {
        this.drained.load();
        return this.load();
      },
    });
    // A browser opens six connections to a host: dashboards in the background give theirs back.
    document.addEventListener("visibilitychange", () => {
      this.events.close();
      if (!document.hidden) this.events.open();
    });
    setInterval(() => this.rows.forEach((row) => row.tick()), 1000);
  }

  /** The lists as they are, as far as they are shown; what an event has told meanwhile is newer. */
  async load() {
    this.heardSince = new Set();
    const number = ++this.asked;
    const [active, ended] = await Promise.all([
      readPages(apiUrl("tasks?state=active"), "tasks"),
      readEnded(this.countEnded()),
    ]);
    if (number < this.latest) return;
    this.latest = number;
    this.take(active, ended);
    this.explainShares().catch((error) => toast(error.message));
  }

  /** Make the rows those of two lists, but for the tasks that an event has told of meanwhile. */
  take(active, ended) {
    const tasks = [...active, ...ended.tasks];
    const listed = new Set(tasks.map((task) => task.id));
    for (const task of tasks) if (!this.heardSince.has(task.id)) this.show(task);
    for (const id of this.rows.keys()) if (!listed.has(id) && !this.heardSince.has(id)) this.remove(id);
    this.nextEnded = ended.next;
    this.layout();
  }

  /** How many ended tasks a list has to hold, so that none that is shown disappears. */
  countEnded() {
    const count = [...this.rows.values()].filter((row) => isEnded(row.task)).length;
    return Math.min(MOST, Math.max(ENDED_AT_ONCE, count));
  }

  /** The next ended tasks; the focus goes to the first of them where the button disappears. */
  async loadMore() {
    const { tasks, next } = await readEnded(ENDED_AT_ONCE, this.nextEnded);
    for (const task of tasks) if (!this.rows.has(task.id)) this.show(task);
    this.nextEnded = next;
    this.layout();
    if (!next) this.rows.get(tasks[0]?.id)?.name.focus();
    await this.explainShares();
  }

  isShared(row) {
    return row.task.user !== this.owner;
  }

  /** What is only known of the shares: with which group, and until when. */
  async explainShares() {
    const rows = [...this.rows.values()].filter((row) => this.isShared(row));
    if (rows.length === 0) return;
    const shares = await readShared();
    for (const row of rows) row.showShare(sharedText(shares.get(row.task.id)));
  }

  heard(task) {
    this.heardSince.add(task.id);
    const isNew = !this.rows.has(task.id);
    const before = this.rows.get(task.id)?.task;
    this.show(task);
    this.layout();
    if (isNew && task.user !== this.owner) this.explainShares();
    if (before && before.state !== task.state) {
      announce(`${task.name}: ${stateName(task.state)}. ${plainText(task.message || "")}`);
    }
  }

  show(task) {
    const row = this.rows.get(task.id) || new TaskRow(this.owner);
    this.rows.set(task.id, row);
    row.update(task);
  }

  remove(id) {
    const row = this.rows.get(id);
    if (!row) return;
    if (row.element.contains(document.activeElement)) element("new-task").focus();
    row.element.remove();
    this.rows.delete(id);
    this.layout();
  }

  layout() {
    const rows = [...this.rows.values()];
    const own = rows.filter((row) => !this.isShared(row));
    const shared = rows.filter((row) => this.isShared(row)).sort(newestFirst("created"));
    const active = own.filter((row) => !isEnded(row.task)).sort(newestFirst("created"));
    const ended = own.filter((row) => isEnded(row.task)).sort(newestFirst("ended"));
    place(element("active-list"), active);
    place(element("shared-list"), shared);
    place(element("ended-list"), ended);
    element("active").hidden = active.length === 0;
    element("shared").hidden = shared.length === 0;
    element("ended").hidden = ended.length === 0 && !this.nextEnded;
    this.more.hidden = !this.nextEnded;
    element("empty").hidden = rows.length > 0;
    element("summary").textContent = summary(active);
  }
}

function readEnded(limit, after = null) {
  const query = new URLSearchParams({ state: "ended", limit, ...(after && { after }) });
  return call("GET", apiUrl(`tasks?${query}`));
}

function newestFirst(key) {
  return (row, other) => (other.task[key] || "").localeCompare(row.task[key] || "");
}

/** Puts the rows in order without moving one that is in its place (a move loses the focus). */
function place(list, rows) {
  rows.forEach((row, index) => {
    if (list.children[index] !== row.element) list.insertBefore(row.element, list.children[index] || null);
  });
}

function summary(active) {
  const running = active.filter((row) => row.task.state === "running").length;
  const waiting = active.length - running;
  const parts = [];
  if (running) parts.push(`${running} running`);
  if (waiting) parts.push(`${waiting} waiting`);
  return parts.join(", ");
}

new Dashboard();
