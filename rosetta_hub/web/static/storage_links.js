// Where the storages of a task are in the file manager. Whoever a task is shared with has other files.

import { first } from "./dom.js";

/** The address of a storage's folder, null where the user has none of it. */
export function storageUrl(task, storage) {
  const { user, prefix } = first("main").dataset;
  return storage.id && task.user === user ? `${prefix}files/${encodeURIComponent(storage.id)}/` : null;
}

/** The address of the storage that the task begins in, or else of its first one; null without any. */
export function filesUrl(task) {
  const storages = (task.storages || []).filter((storage) => storageUrl(task, storage));
  const storage = storages.find((place) => place.home) || storages[0];
  return storage ? storageUrl(task, storage) : null;
}
