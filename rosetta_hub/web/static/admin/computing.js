// The tab "Computing": how each resource does, and draining it.

import { CANCEL, openDialog } from "../dialogs.js";
import { h, icon, setMessage } from "../dom.js";
import { ago, bytes, moment } from "../format.js";
import { button, pending, toast } from "../ui.js";
import { changeAdmin, readAdmin } from "./admin_api.js";
import { field } from "./fields.js";

// Milliseconds between two looks while the tab is shown.
const INTERVAL = 10000;
const STATES = ["running", "starting", "queued", "stopping"];

class ComputingTab {
  constructor(root) {
    this.service = h("div", { class: "panel" });
    this.list = h("ul", { class: "admin-cards" });
    root.append(h("h2", { class: "section-title" }, "Service"), this.service, h("h2", { class: "section-title" }, "Computing resources"), this.list);
  }

  show() {
    this.timer = setInterval(() => this.load(), INTERVAL);
    return this.load();
  }

  hide() {
    clearInterval(this.timer);
  }

  async load() {
    // A list that is filled anew would take the focus away.
    if (this.list.contains(document.activeElement)) return;
    await this.refresh();
  }

  async refresh() {
    try {
      const { computing, faults, ...state } = await readAdmin("computing");
      this.service.replaceChildren(...serviceLines(faults, state));
      this.list.replaceChildren(...computing.map((resource) => this.makeCard(resource)));
    } catch (error) {
      toast(error.message);
    }
  }

  makeCard(resource) {
    const title = h("h3", {}, resource.name, h("span", { class: "faint" }, ` ${resource.id}`));
    const card = h("li", { class: "panel admin-card", "data-computing": resource.id }, h("div", { class: "admin-head" }, title, this.makeAction(resource)));
    if (resource.drained) card.append(callout(`Drained by ${resource.drained.by} ${ago(resource.drained.since)}. ${resource.drained.message}`));
    card.append(detailList(resource));
    for (const { message, since, users } of resource.errors) card.append(callout(`${message} (since ${moment(since)}; tasks of ${users.join(", ")})`));
    return card;
  }

  makeAction(resource) {
    const label = resource.drained ? "Resume" : "Drain";
    const control = button(label, resource.drained ? "play" : "stop", "outline-secondary btn-sm", () => (resource.drained ? this.resume(resource, control) : this.drain(resource, control)));
    control.setAttribute("aria-label", `${resource.drained ? "Resume" : "Drain"} ${resource.name}`);
    return control;
  }

  async drain(resource, control) {
    const message = field("Message to users", h("textarea", { class: "form-control", rows: 3, maxlength: 500 }), "Shown on the form, on the dashboard, and where a start is refused.");
    const answer = await openDialog({
      title: `Drain “${resource.name}”?`,
      body: [h("p", {}, "It takes no new tasks until it is resumed. Tasks that run go on."), message.element],
      buttons: [CANCEL, { value: "drain", label: "Drain", kind: "danger" }],
    });
    if (answer) await this.change(control, "PUT", resource, { message: message.control.value.trim() });
  }

  resume(resource, control) {
    return this.change(control, "DELETE", resource);
  }

  async change(control, method, resource, body = undefined) {
    await pending(control, () => changeAdmin(method, `computing/${encodeURIComponent(resource.id)}/drain`, body, resource.revision));
    await this.refresh();
    const card = [...this.list.children].find((item) => item.dataset.computing === resource.id);
    card?.querySelector("button")?.focus();
  }
}

function serviceLines(faults, { disk, logs, kept: retention }) {
  const messages = Object.values(faults);
  const health = messages.length ? messages.map(callout) : [h("p", {}, "Database, disk, edge and tunnels work.")];
  const texts = [
    `${bytes(disk.free)} of ${bytes(disk.total)} are free where the service keeps its state; logs of tasks take ${bytes(logs)}.`,
    `Ended tasks are kept ${daysText(retention.tasks_days)}, ${retention.tasks_per_user ? `at most ${retention.tasks_per_user} of each user` : "all of each user"}; the audit log ${daysText(retention.audit_days)}.`,
  ];
  return [...health, ...texts.map((text) => h("p", { class: "faint" }, text))];
}

const daysText = (days) => (days ? `for ${days} days` : "for ever");

function detailList(resource) {
  const states = STATES.filter((state) => resource.states[state]).map((state) => `${resource.states[state]} ${state}`);
  const reasons = Object.entries(resource.waiting_for).map(([reason, count]) => `${count} × ${reason}`);
  const rows = [
    ["Kind", [resource.type, resource.wms === "none" ? null : resource.wms, resource.tunnel && `tunnel ${resource.tunnel}`].filter(Boolean).join(", ")],
    ["Tasks", states.join(", ") || "none"],
    ["Jobs wait for", reasons.join(", ")],
    ["Unresponsive agents", resource.unresponsive ? String(resource.unresponsive) : "none"],
    ["Last failure of a task", resource.last_failure ? ago(resource.last_failure) : "none"],
  ].filter(([, text]) => text);
  return h("dl", { class: "admin-details" }, ...rows.map(([name, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text))));
}

function callout(text) {
  const message = h("p", {});
  setMessage(message, text);
  return h("div", { class: "admin-callout" }, icon("alert"), message);
}

/** Fills the panel. */
export function buildComputing(root) {
  return new ComputingTab(root);
}
