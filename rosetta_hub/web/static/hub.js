// The hub's REST API, as our pages of the hub call it.

/**
 * Stops a server, and forgets it where `remove` says so. True when the hub agrees; it may still be
 * at it then.
 */
export async function deleteServer(url, xsrf, remove = false) {
  try {
    const response = await fetch(url, {
      method: "DELETE",
      headers: { "X-XSRFToken": xsrf, "Content-Type": "application/json" },
      body: JSON.stringify({ remove }),
    });
    return response.ok;
  } catch {
    return false;
  }
}
