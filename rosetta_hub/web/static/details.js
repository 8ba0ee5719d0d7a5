// What there is to know about a task, as a list of terms; empty ones are left out.

import { h, setText } from "./dom.js";
import { ago, bytes, clock, duration, moment, protocolName, secondsSince, storageText, timeSpan } from "./format.js";
import { gpusText, jobText } from "./job.js";
import { isEnded } from "./task_states.js";
import { storageUrl } from "./storage_links.js";

export class TaskDetails {
  constructor(list) {
    this.list = list;
    this.values = new Map();
    this.cpu = new CpuMeter();
  }

  update(task) {
    this.task = task;
    this.cores = isEnded(task) ? null : this.cpu.read(task);
    this.tick();
  }

  /** Times go on by themselves, without news of the task. */
  tick() {
    const { task } = this;
    const engine = task.engine && task.engine + (task.runtime ? ` (${task.runtime})` : "");
    this.set("Software", task.software.name);
    this.set("Version", task.software.version);
    this.set("Image", task.image || task.software.image, "detail-code");
    this.set("Digest", task.image_digest, "detail-code");
    this.set("Computing resource", task.computing?.name);
    this.set("Engine", isPod(task) ? null : engine);
    this.set("Runtime", isPod(task) ? task.runtime : null);
    this.set("Interface", protocolName(task.interface?.protocol));
    this.set("Created", task.created && moment(task.created));
    this.set("Running for", this.runningFor());
    this.set("Ended", isEnded(task) && task.ended ? moment(task.ended) : null);
    this.set("Last activity", task.state === "running" ? ago(task.last_activity) : null);
    this.set("Storages", task.storages?.map(storageText).join("\n"), "detail-lines", () => this.storages());
    this.set("CPUs", this.cpus());
    this.set("Memory", this.memory());
    this.tickJob();
    this.set("Attempt", task.attempt > 1 ? String(task.attempt) : null);
    this.set("Task", task.id, "detail-code");
  }

  /** What was asked of the scheduler, and what it made of it. */
  tickJob() {
    const { task } = this;
    const { request, job } = task;
    this.set("GPUs", gpusText(task));
    this.set("Time limit", request?.time && timeSpan(request.time));
    this.set("Ends", !isEnded(task) && job?.ends_at ? clock(job.ends_at) : null);
    this.set(isPod(task) ? "Pool of nodes" : "Partition", request?.partition);
    this.set("Account", request?.account);
    this.set("QoS", request?.qos);
    this.set("Constraint", request?.constraint);
    this.set("Reservation", request?.reservation);
    this.set("Job", jobText(task));
    this.set("Node", job?.node);
  }

  cpus() {
    const { cpus } = this.task;
    const used = this.cores === null ? "" : `${this.cores.toFixed(2)} in use`;
    return [used, cpus && (used ? `of ${cpus}` : `up to ${cpus}`)].filter(Boolean).join(" ");
  }

  memory() {
    const { memory, usage } = this.task;
    const used = isEnded(this.task) || !usage?.memory ? "" : `${bytes(usage.memory)} in use`;
    return [used, memory && (used ? `of ${bytes(memory)}` : `up to ${bytes(memory)}`)].filter(Boolean).join(" ");
  }

  runningFor() {
    const { state, started } = this.task;
    return state === "running" && started ? duration(secondsSince(started)) : null;
  }

  /** A line for each storage, which leads to its files. */
  storages() {
    return (this.task.storages || []).flatMap((storage, index) => {
      const url = storageUrl(this.task, storage);
      return [index ? "\n" : "", url ? h("a", { href: url }, storageText(storage)) : storageText(storage)];
    });
  }

  /** `makeContent()` gives what stands for the text, where it is more than a text. */
  set(term, text, className = "", makeContent = null) {
    let entry = this.values.get(term);
    if (!entry) {
      entry = { term: h("dt", {}, term), value: h("dd", { class: className }) };
      this.values.set(term, entry);
      this.list.append(entry.term, entry.value);
    }
    entry.term.hidden = entry.value.hidden = !text;
    if (!makeContent) setText(entry.value, text || "");
    else if (entry.value.textContent !== (text || "")) entry.value.replaceChildren(...makeContent());
  }
}

/** Whether its engine is the cluster's own, of which nobody knows more than the runtime. */
function isPod(task) {
  return task.engine === "internal";
}

/** Cores in use, out of two readings of the CPU time. */
class CpuMeter {
  read({ usage, attempt }) {
    if (usage?.cpu_seconds === undefined || usage.cpu_seconds === null) return null;
    const now = { at: performance.now() / 1000, seconds: usage.cpu_seconds, attempt };
    const before = this.last;
    if (before?.attempt === attempt && now.seconds === before.seconds && now.at - before.at < 15) return this.cores ?? null;
    this.last = now;
    if (before?.attempt !== attempt || now.at - before.at < 0.5) return this.cores ?? null;
    this.cores = Math.max(0, (now.seconds - before.seconds) / (now.at - before.at));
    return this.cores;
  }
}
