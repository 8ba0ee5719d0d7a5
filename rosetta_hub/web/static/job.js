// The job of a task on a cluster: why it waits, when it is expected to start, when its time is up.

import { bytes, clock, duration, secondsSince, timeSpan } from "./format.js";

/** Seconds before the end at which a user has to hurry. */
const NEAR = 600;
// The service's warning of it.
const LIMIT_WARNING = /soon reach its time limit/;

/** Seconds until the time limit of a task that runs; null without a limit. */
export function secondsLeft({ state, job }) {
  return state === "running" && job?.ends_at ? -secondsSince(job.ends_at) : null;
}

export function isNearEnd(task) {
  const seconds = secondsLeft(task);
  return seconds !== null && seconds <= NEAR;
}

/** The warnings, without that of the time limit while a count down tells more. */
export function otherWarnings(task) {
  return (task.warnings || []).filter((text) => !(isNearEnd(task) && LIMIT_WARNING.test(text)));
}

/** `3 h 20 min left`, `4 min 58 s left`; an empty text without a limit. */
export function timeLeftText(task) {
  const seconds = secondsLeft(task);
  if (seconds === null) return "";
  if (seconds <= 0) return "time limit reached";
  return `${seconds > NEAR ? timeSpan(Math.ceil(seconds / 60) * 60) : duration(seconds)} left`;
}

/** The same with the time of day, for a message of its own. */
export function deadlineText(task) {
  const seconds = secondsLeft(task);
  if (seconds === null) return "";
  return seconds <= 0 ? "The time limit is reached." : `${timeLeftText(task)}, until ${clock(task.job.ends_at)}.`;
}

/** `expected 14:30`, with the day where it is not today; an empty text where nothing is known. */
export function expectedText({ state, job }) {
  if (state !== "queued" || !job?.expected_start) return "";
  return secondsSince(job.expected_start) > 0 ? "expected any moment" : `expected ${clock(job.expected_start)}`;
}

/** Why the job waits, where the main message does not say it already. */
export function reasonText({ state, message, job }) {
  const reason = job?.reason || "";
  return state === "queued" && !(message || "").includes(reason.replace(/\.$/, "")) ? reason : "";
}

/** `4711, pending`. */
export function jobText({ job }) {
  return job ? [job.id, job.state?.toLowerCase()].filter(Boolean).join(", ") : "";
}

/** What was asked of the scheduler, in short: `main, astro, 64 cores, 128 GB, 8 h`; empty elsewhere. */
export function requestText(task) {
  const { request, cpus, memory } = task;
  if (!request) return "";
  const gpus = gpusText(task);
  return [
    request.partition,
    request.account,
    cpus && `${cpus} ${cpus === 1 ? "core" : "cores"}`,
    memory && bytes(memory),
    gpus && `${gpus} ${request.gpus === 1 ? "GPU" : "GPUs"}`,
    request.time && timeSpan(request.time),
  ].filter(Boolean).join(", ");
}

/** `2 a100`, an empty text without GPUs. */
export function gpusText({ request }) {
  return request?.gpus ? [request.gpus, request.gpu_type].filter(Boolean).join(" ") : "";
}
