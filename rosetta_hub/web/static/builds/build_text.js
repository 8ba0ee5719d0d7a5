// What the state of a build means on a page.

const NAMES = {
  resolving: "Looking up",
  queued: "Queued",
  cloning: "Fetching",
  building: "Building",
  pushing: "Storing",
  done: "Ready",
  failed: "Failed",
  cancelled: "Cancelled",
};
// The three marks on the page of a build.
const PHASES = { resolving: 0, queued: 0, cloning: 1, building: 1, pushing: 1, done: 2 };
// The badge of a build looks as that of a task in a like state.
const LOOKS = { resolving: "queued", queued: "queued", done: "running", failed: "failed", cancelled: "stopped" };

export function buildStateName(state) {
  return NAMES[state] || state;
}

/** The state of a task with the same look. */
export function lookOf(state) {
  return LOOKS[state] || "starting";
}

export function isBuildEnded({ state }) {
  return ["done", "failed", "cancelled"].includes(state);
}

/** Whether the image is made now: then a step or a bar is worth showing. */
export function isBuilding({ state }) {
  return PHASES[state] === 1;
}

/** Index of the phase that goes on: 0 waits, 1 builds, 2 is over well, -1 over otherwise. */
export function phaseOf({ state }) {
  return PHASES[state] ?? -1;
}

/** `Step 7 of 23`, empty while nobody knows. */
export function stepText({ state, step, steps }) {
  return state === "building" && step && steps ? `Step ${step} of ${steps}` : "";
}

/** How much of it is done, in percent; null while nobody knows. The present step is not done. */
export function percentDone({ state, step, steps }) {
  return state === "building" && step && steps ? Math.floor((100 * (step - 1)) / steps) : null;
}

/** The place in the queue in words, empty where there is none. */
export function positionText({ state, position }) {
  if (state !== "queued" || !position) return "";
  if (position === 1) return "It is the next to be built.";
  const others = position - 1;
  return `${others === 1 ? "1 build is" : `${others} builds are`} before it.`;
}

/** Who else waits for the same image, empty where nobody does. */
export function waitingText(build) {
  if (isBuildEnded(build) || !(build.waiting > 1)) return "";
  const others = build.waiting - 1;
  return others === 1 ? "1 other user waits for the same image." : `${others} other users wait for the same image.`;
}

/** A commit as users write it. */
export function shortCommit(commit) {
  return /^[0-9a-f]{40,}$/.test(commit || "") ? commit.slice(0, 7) : commit || "";
}
