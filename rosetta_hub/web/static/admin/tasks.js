// The tab "Tasks": everybody's tasks, stopping them, and numbers by day.

import { h } from "../dom.js";
import { ago, bytes, moment } from "../format.js";
import { showState, stateBadge } from "../task_states.js";
import { button, confirmDialog, pending, toast } from "../ui.js";
import { changeAdmin, readAdmin } from "./admin_api.js";
import { AdminTable, row } from "./admin_table.js";
import { choiceFilter, Filters, hoursAgo, textFilter } from "./filters.js";
import { Numbers } from "./numbers.js";

// Milliseconds between two looks while the tab is shown.
const INTERVAL = 10000;
const PAGE = 50;
// The most tasks that one request stops.
const MOST = 100;
const STATES = [["active", "Active"], ["", "All"], ...["queued", "starting", "running", "stopping", "stopped", "failed"].map((state) => [state, state[0].toUpperCase() + state.slice(1)]), ["ended", "Ended"]];
const AGES = [["", "Any time"], ["since 1", "The last hour"], ["since 24", "The last day"], ["since 168", "The last week"], ["until 24", "Older than a day"], ["until 168", "Older than a week"]];
const COLUMNS = [["chosen", "Chosen"], ["name", "Task"], ["user", "User", "user"], ["state", "State"], ["software", "Software"], ["computing", "Computing"], ["cpus", "CPUs", "cpus"], ["memory", "Memory", "memory"], ["created", "Created", "newest"]];

class TasksTab {
  constructor(root) {
    this.sort = "newest";
    this.chosen = new Set();
    this.computing = choiceFilter("computing", "Computing", [["", "All"]]);
    this.filters = new Filters([
      textFilter("user", "User"), choiceFilter("state", "State", STATES), this.computing, textFilter("software", "Software"), choiceFilter("age", "Created", AGES),
    ], () => this.restart());
    this.stop = button("Stop the chosen tasks", "stop", "outline-danger btn-sm", () => this.stopChosen());
    this.table = new AdminTable({ label: "Tasks", columns: COLUMNS, onSort: (name) => this.sortBy(name), onMore: () => this.load(true) });
    this.numbers = new Numbers();
    root.append(this.filters.element, h("div", { class: "actions" }, this.stop), this.table.element, this.numbers.element);
    this.count = PAGE;
    this.showChosen();
  }

  show() {
    this.timer = setInterval(() => document.hidden || this.load(), INTERVAL);
    this.numbers.load();
    return this.load();
  }

  hide() {
    clearInterval(this.timer);
  }

  restart() {
    this.count = PAGE;
    this.chosen.clear();
    this.showChosen();
    return this.load();
  }

  sortBy(name) {
    this.sort = name === "newest" && this.sort === "newest" ? "oldest" : name;
    return this.restart();
  }

  read() {
    const { age, ...rest } = this.filters.read();
    const [side, hours] = age.split(" ");
    return { ...rest, sort: this.sort, ...(side ? { [side]: hoursAgo(hours) } : {}) };
  }

  /** All that is shown is read again, with one page more where `more` says so. */
  async load(more = false) {
    if (more) this.count += PAGE;
    const request = JSON.stringify([this.read(), this.count]);
    this.wanted = request;
    try {
      const { tasks, next, computing } = await this.readPages();
      // Another answer is on its way where the filters have changed meanwhile.
      if (this.wanted !== request) return;
      this.offer(computing);
      this.update(tasks, Boolean(next));
    } catch (error) {
      toast(error.message);
    }
  }

  async readPages() {
    const pages = { tasks: [], next: null, computing: [] };
    do {
      const limit = Math.min(500, this.count - pages.tasks.length);
      const { tasks, next, computing } = await readAdmin("tasks", { ...this.read(), limit, after: pages.next });
      pages.tasks.push(...tasks);
      Object.assign(pages, { next, computing });
    } while (pages.next && pages.tasks.length < this.count);
    return pages;
  }

  offer(computing) {
    const { control } = this.computing;
    if (control.options.length === 1) control.append(...computing.map(({ id, name }) => h("option", { value: id }, name)));
  }

  update(tasks, hasMore) {
    /** @type {HTMLElement | null} */
    const line = document.activeElement?.closest("[data-task]");
    const focused = line?.dataset.task;
    const active = new Set(tasks.filter(({ ended }) => !ended).map(({ id }) => id));
    for (const id of this.chosen) if (!active.has(id)) this.chosen.delete(id);
    this.table.show(tasks.map((task) => this.makeRow(task)), { hasMore, text: "There are no such tasks." });
    this.table.markSort(this.sort === "oldest" ? "newest" : this.sort);
    this.showChosen();
    if (focused) this.table.element.querySelector(`[data-task="${focused}"] input`)?.focus();
  }

  makeRow(task) {
    const badge = stateBadge();
    showState(badge, task.state);
    const box = h("input", { type: "checkbox", class: "form-check-input", "aria-label": `Choose ${task.name} of ${task.user}`, checked: this.chosen.has(task.id), disabled: Boolean(task.ended), onchange: () => this.choose(task.id, box.checked) });
    const where = [task.computing, task.node].filter(Boolean).join(", ");
    const memory = [task.memory ? bytes(task.memory) : "no limit", task.memory_used && `${bytes(task.memory_used)} used`].filter(Boolean).join(", ");
    const line = row(box, h("a", { href: `${task.page_url}?stay` }, task.name), task.user, badge, task.software, where, task.cpus ?? "no limit", memory, h("time", { datetime: task.created, title: moment(task.created) }, ago(task.created)));
    line.dataset.task = task.id;
    return line;
  }

  choose(id, isChosen) {
    if (isChosen) this.chosen.add(id);
    else this.chosen.delete(id);
    this.showChosen();
  }

  showChosen() {
    const { size } = this.chosen;
    this.stop.disabled = size === 0;
    this.stop.lastElementChild.textContent = size ? `Stop ${size === 1 ? "the chosen task" : `${size} chosen tasks`}` : "Stop the chosen tasks";
  }

  async stopChosen() {
    const ids = [...this.chosen];
    const what = ids.length === 1 ? "one task" : `${ids.length} tasks`;
    const sure = await confirmDialog({ title: `Stop ${what}?`, text: "What their users have not saved is lost. Nobody is asked.", action: "Stop" });
    if (!sure) return;
    await pending(this.stop, async () => {
      for (let first = 0; first < ids.length; first += MOST) await changeAdmin("POST", "tasks/stop", { ids: ids.slice(first, first + MOST) });
    });
    this.chosen.clear();
    await this.load();
  }
}

/** Fills the panel. */
export function buildTasks(root) {
  return new TasksTab(root);
}
