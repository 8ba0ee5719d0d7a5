// All tasks of the edge, and which of them a request is for.

import { log } from "./log.mjs";
import { PortError } from "./ports.mjs";
import { findServiceTask } from "./service_connections.mjs";
import { BadListener, checkListener, Task } from "./task.mjs";

const OWNER = Symbol("task that a connection serves");

export class Tasks {
  #byId = new Map();
  #byHost = new Map();
  #turn = Promise.resolve();

  /** `context`: {tls, publicHost, mainPort}; `ports` is set once the proxy exists. */
  constructor(context) {
    this.context = context;
    this.ports = null;
  }

  get size() {
    return this.#byId.size;
  }

  /** The task of that id, or null. */
  get(id) {
    return this.#byId.get(id) ?? null;
  }

  /** The task of that id and its further interfaces; none when it is not open. */
  group(id) {
    const ports = this.get(id)?.interfaces ?? [];
    return [id, ...ports.map((port) => `${id}-${port}`)].map((key) => this.get(key)).filter(Boolean);
  }

  /**
   * The task that a request is for, or null. The port decides, or the service where it has brought the
   * connection; on the main port the host name does, and there a connection stays with the task that it
   * served first.
   */
  find(req) {
    const task = findServiceTask(req.socket) ?? this.ports.find(req.socket.localPort);
    if (task !== null) return task;
    const named = this.#byHost.get(req.headers.host?.toLowerCase()) ?? null;
    const owner = (req.socket[OWNER] ??= named);
    if (named === null || owner !== named) return null;
    named.traffic.track(req.socket);
    return named;
  }

  // One change at a time: ports move from one task to another within a call.
  #exclusively(change) {
    const result = this.#turn.then(change);
    this.#turn = result.catch(() => {});
    return result;
  }

  /** Open or update one task; raises BadListener and PortError, and changes nothing then. */
  put(raw) {
    return this.#exclusively(() => this.#put(raw));
  }

  /**
   * Make exactly these tasks open. Those in `keptTasks`, `{id: {port, host, protocol} or null}`, stay as they are,
   * but for those that will move from where they are. Gives what `putMore` does.
   */
  putAll(raws, keptTasks) {
    return this.#exclusively(async () => {
      const ids = new Set(raws.map((raw) => raw.id));
      for (const task of this.#byId.values()) {
        if (ids.has(task.id)) continue;
        const place = Object.hasOwn(keptTasks, task.id) ? keptTasks[task.id] : undefined;
        if (place === undefined || (place !== null && this.#moves(task, place))) this.#close(task);
      }
      return this.#putEach(raws);
    });
  }

  /** Open or update these, too. Gives `{id: reason}` of those that can't be, which stop no other. */
  putMore(raws) {
    return this.#exclusively(() => this.#putEach(raws));
  }

  async #putEach(raws) {
    const errors = {};
    const condition = (raw, error) => {
      if (!(error instanceof PortError || error instanceof BadListener)) throw error;
      errors[raw.id] = error instanceof PortError ? error.code : error.message;
    };
    const good = raws.filter((raw) => {
      try {
        checkListener(raw, this.context);
      } catch (error) {
        condition(raw, error);
      }
      return errors[raw.id] === undefined;
    });
    // Ports move from one task to another: all are given up before one is taken.
    for (const raw of good) {
      const task = this.get(raw.id);
      if (task !== null && this.#moves(task, raw)) this.#close(task);
    }
    for (const raw of good) await this.#put(raw).catch((error) => condition(raw, error));
    return errors;
  }

  /** Close a task with its interfaces, and cut its connections; false when there is none. */
  remove(id) {
    return this.#exclusively(() => {
      const tasks = this.group(id);
      for (const task of tasks) this.#close(task);
      return tasks.length > 0;
    });
  }

  #moves(task, raw) {
    const next = [raw.port ?? null, raw.host?.toLowerCase() ?? null, raw.protocol];
    return [task.port, task.host, task.protocol].some((value, index) => value !== next[index]);
  }

  async #put(raw) {
    const task = this.get(raw.id);
    const before = this.group(raw.id);
    if (task !== null && !this.#moves(task, raw)) task.update(raw, Date.now());
    else await this.#open(raw, task);
    const declared = this.group(raw.id);
    for (const other of before) {
      if (other !== task && !declared.includes(other)) this.#close(other);
    }
  }

  async #open(raw, previous) {
    const task = new Task(raw, this.context);
    if (previous !== null) this.#close(previous);
    if (task.port === null) {
      const other = this.#byHost.get(task.hostHeader);
      if (other !== undefined) throw new BadListener(`${task.hostHeader} is the name of ${other.id}`);
      this.#byHost.set(task.hostHeader, task);
    } else await this.ports.open(task);
    this.#byId.set(task.id, task);
    log.info(`${task.id}: open at ${task.port ?? task.hostHeader} (${task.protocol})`);
  }

  #close(task) {
    if (task.port === null) this.#byHost.delete(task.hostHeader);
    else this.ports.close(task);
    this.#byId.delete(task.id);
    task.close();
    log.info(`${task.id}: closed`);
  }

  /** Once every few seconds: condition the traffic of long-lived connections, forget what has expired. */
  sweep(now) {
    for (const task of this.#byId.values()) {
      task.traffic.sample(now);
      task.sessions.sweep(now);
    }
  }

  activity() {
    const now = Date.now();
    for (const task of this.#byId.values()) task.traffic.sample(now);
    return Object.fromEntries([...this.#byId].map(([id, task]) => [id, task.activity()]));
  }

  closeAll() {
    for (const task of [...this.#byId.values()]) this.#close(task);
  }
}
