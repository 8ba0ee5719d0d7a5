// The page of one task: waiting room, running, ended.

import { deleteTask, startImage, startTask, stopTask } from "./actions.js";
import { showUnlessNewer } from "./answers.js";
import { eventsUrl, taskUrl } from "./api.js";
import { ConnectPanel } from "./connect.js";
import { announce, element, first, plainText, setMessage, setText, tile } from "./dom.js";
import { LiveEvents } from "./events.js";
import { TaskDetails } from "./details.js";
import { EndOfTask } from "./end_of_task.js";
import { InterfaceButtons } from "./interfaces.js";
import { otherWarnings } from "./job.js";
import { LogView } from "./log_view.js";
import { MailHint } from "./mail_hint.js";
import { Opening, connectUrl } from "./opening.js";
import { showProgress, showQueue, showSteps, showTail, showTimeLeft, showWarnings } from "./task_status.js";
import { isEnded, isReady, isWeb, showState, stateBadge, stateName } from "./task_states.js";
import { filesUrl } from "./storage_links.js";
import { button, linkButton, pending } from "./ui.js";
import { UsagePanel } from "./usage_panel.js";

const main = first("main");

class TaskPage {
  constructor(task) {
    this.badge = stateBadge();
    element("state").append(this.badge);
    element("tile").append(tile(task.software));
    this.details = new TaskDetails(element("details"));
    this.connect = new ConnectPanel(element("address"), element("credentials"));
    this.opening = new Opening(task, element("opening"), element("stay"));
    this.log = new LogView({
      text: element("log-text"),
      empty: element("log-empty"),
      tools: element("log-tools"),
      downloadUrl: taskUrl(task.id, "/log"),
      fileName: `${task.id}.log`,
    });
    this.usage = new UsagePanel(task.id);
    this.mailHint = new MailHint(element("mail-hint"), `${main.dataset.prefix}account#mail`);
    this.makeActions();
    this.end = new EndOfTask(element("end"), (control, action) => this.act(control, action));
    this.update(task);
    this.listen();
    setInterval(() => this.tick(), 1000);
  }

  /** What changes without news of the task. */
  tick() {
    this.details.tick();
    showQueue(this.task);
    showWarnings(element("warnings"), otherWarnings(this.task));
    const near = showTimeLeft(this.task);
    if (near && !this.near) announce(element("time-left").innerText);
    this.near = near;
    const asks = this.end.tick();
    if (asks && !this.asks) announce(element("end").querySelector(".time-left").innerText);
    this.asks = asks;
  }

  makeActions() {
    this.open = linkButton("Connect", "open", "primary btn-lg");
    this.stop = button("Stop", "stop", "outline-secondary", () => this.act(this.stop, () => stopTask(this.task)));
    this.start = this.startButton("Start again", "primary", () => startTask(this.task));
    this.exact = this.startButton("Start again exactly this", "outline-secondary", () => startImage(this.task, !this.task.exact));
    this.remove = button("Delete", "trash", "outline-danger", () => pending(this.remove, async () => {
      if (await deleteTask(this.task)) this.leave();
    }));
    this.files = linkButton("Files", "folder", "outline-secondary");
    this.interfaces = new InterfaceButtons("outline-primary");
    element("actions").append(this.open, this.interfaces.element, this.start, this.exact, this.stop, this.files, this.remove);
  }

  startButton(label, kind, start) {
    const control = button(label, "again", kind, () => this.act(control, () => {
      this.opening.arm();
      return start();
    }));
    return control;
  }

  /** An action that answers with the task, or with nothing (the events tell then). */
  act(source, action) {
    return pending(source, () => showUnlessNewer(() => this.task, action, (task) => this.update(task)));
  }

  listen() {
    const { id } = this.task;
    this.events = new LiveEvents({
      makeUrl: () => eventsUrl(id),
      probeUrl: taskUrl(id),
      banner: element("interrupted"),
      handlers: {
        task: (task) => task.id === id && this.update(task),
        log: (piece) => this.log.add(piece),
        gone: (message) => message.id === id && this.leave(),
      },
      onMissing: () => this.leave(),
    });
  }

  leave() {
    this.events.close();
    location.assign(main.dataset.prefix);
  }

  update(task) {
    const before = this.task;
    this.task = task;
    const { state } = task;
    if (before && before.attempt !== task.attempt) this.log.reset();
    if (before && before.state !== state) announce(`${stateName(state)}. ${plainText(task.message || "")}`);
    setText(element("task-name"), task.name);
    setText(element("task-where"), whereText(task));
    document.title = `${state === "running" ? "Ready" : stateName(state)}: ${task.name}`;
    showState(this.badge, state);
    main.dataset.state = state;
    setMessage(element("task-message"), task.message || "");
    showSteps(element("steps"), task);
    showProgress(task);
    showTail(task);
    this.mailHint.update(task);
    this.showLog(before);
    this.updateActions();
    this.connect.update(task);
    this.details.update(task);
    this.usage.update(task);
    this.end.update(task);
    this.tick();
    this.opening.update(task);
  }

  /** The log is open, but where its last lines are beside the cause already. */
  showLog(before) {
    const panel = element("log-panel");
    panel.hidden = !this.task.can.log;
    if (before?.state !== this.task.state) panel.open = element("tail").hidden || location.hash === "#log";
  }

  updateActions() {
    const { task } = this;
    const focused = element("actions").contains(document.activeElement)
      ? /** @type {HTMLElement} */ (document.activeElement)
      : null;
    this.open.hidden = !(isReady(task) && isWeb(task) && task.open_url);
    if (task.open_url) this.open.href = connectUrl(task);
    this.interfaces.update(task);
    this.stop.hidden = !task.can.stop || task.state === "stopping";
    setText(this.stop.lastElementChild, isReady(task) ? "Stop" : "Cancel");
    this.start.hidden = !task.can.start;
    this.exact.hidden = !(task.can.start && (task.exact || task.image_digest));
    setText(this.exact.lastElementChild, task.exact ? "Start again with the present image" : "Start again exactly this");
    const files = filesUrl(task);
    this.files.hidden = !files;
    if (files) this.files.href = files;
    this.remove.hidden = !(task.can.delete && isEnded(task));
    if (focused?.hidden) element("log").focus({ preventScroll: true });
  }
}

function whereText(task) {
  const what = [task.software.name, task.software.version].filter(Boolean).join(" ");
  const parts = [what];
  if (task.computing?.name) parts.push(`on ${task.computing.name}`);
  if (task.user && task.user !== main.dataset.user) parts.push(`of ${task.user}`);
  return parts.join(" ");
}

new TaskPage(JSON.parse(main.dataset.task));
