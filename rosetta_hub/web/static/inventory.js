// What the service knows of a cluster, as it comes in.

import { apiUrl, read } from "./api.js";

// The first answer for a cluster may take a while; without one the form works all the same.
const PATIENCE = 30000;

/**
 * What a cluster has and what of it is idle, as `{inventory, error}`: `inventory` is null where nothing is
 * known, `error` a message (both, where what is known is old). Never throws.
 */
export async function readInventory(id) {
  try {
    const inventory = await read(apiUrl(`computing/${encodeURIComponent(id)}/inventory`), PATIENCE);
    return { inventory: inventory?.partitions?.length ? inventory : null, error: inventory?.error || "" };
  } catch (error) {
    return { inventory: null, error: error.message };
  }
}

/** Whether the user's identity there is still to be set up, and where: `{url}` or null. */
export async function readMissingIdentity(id) {
  try {
    const { computing } = await read(apiUrl("computing"), PATIENCE);
    const identity = computing.find((resource) => resource.id === id)?.identity;
    return identity?.needed && !identity.ready ? identity : null;
  } catch {
    // Not known is not missing: the service says it after the start.
    return null;
  }
}
