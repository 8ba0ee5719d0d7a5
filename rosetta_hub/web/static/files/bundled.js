// Modules of third parties, loaded when they are used first; web/ at the top of the project makes them.

/** `tus`, `editor` or `notebook`. Throws an error whose message is for the user. */
export async function loadBundled(name) {
  try {
    return await import(new URL(`../bundled/${name}.js`, import.meta.url).href);
  } catch {
    throw new Error("A part of this page can't be loaded. Reload the page; if that does not help, tell the administrators.");
  }
}
