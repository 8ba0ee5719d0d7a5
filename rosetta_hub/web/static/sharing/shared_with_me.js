// What others share with the reader: the dashboard's tasks know it of them.

import { apiUrl, call } from "../api.js";
import { clock } from "../format.js";

/** The shares by the ids of their tasks, and the tasks; nothing where nothing can be shared. */
export async function readShared() {
  try {
    const { shared } = await call("GET", apiUrl("shared"));
    return new Map(shared.map((share) => [share.task.id, share]));
  } catch {
    return new Map();
  }
}

/** `shared with the group physics, until 18:00`; empty where nothing is known of the share. */
export function sharedText(share) {
  if (!share) return "";
  const parts = [];
  if (share.kind === "group") parts.push(`shared with the group ${share.name}`);
  if (share.until) parts.push(`until ${clock(share.until)}`);
  return parts.join(", ");
}
