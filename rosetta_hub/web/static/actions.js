// What can be done with a task: the same calls from the dashboard and from the task's page.

import { call, taskUrl } from "./api.js";
import { confirmDialog } from "./ui.js";

export const stopTask = (task) => call("POST", taskUrl(task.id, "/stop"));

export const startTask = (task) => call("POST", taskUrl(task.id, "/start"));

/** Starts the very image that the task ran, or (false) the one that its version's tag names now. */
export const startImage = (task, exact) => call("POST", taskUrl(task.id, "/start"), { exact });

/** Deletes after a question; false when the user would rather not. */
export async function deleteTask(task) {
  const sure = await confirmDialog({
    title: `Delete “${task.name}”?`,
    text: "Its settings and its log are deleted, and so are files that were not saved in a persistent storage.",
    action: "Delete",
  });
  if (sure) await call("DELETE", taskUrl(task.id));
  return sure;
}
