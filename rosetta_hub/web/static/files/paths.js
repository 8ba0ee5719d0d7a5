// Paths of the files API: relative to the root of a storage, each byte percent-encoded where it is
// no unreserved character, parts separated by "/". The root itself is "". Names on the disk are bytes,
// so a path is passed on as the API has given it, and decoded for display only.

const MOST_BYTES = 255;

/** A name that somebody wrote, as a part of a path. */
export function encodeName(name) {
  return encodeURIComponent(name).replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The text of one part of a path; what is no UTF-8 stays encoded. */
export function displayName(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function joinPath(folder, part) {
  return folder ? `${folder}/${part}` : part;
}

export function parentPath(path) {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

export function lastPart(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Every folder on the way to a path, itself included: `[{path, name}]`. */
export function pathSteps(path) {
  const parts = path.split("/").filter(Boolean);
  return parts.map((part, index) => ({ path: parts.slice(0, index + 1).join("/"), name: displayName(part) }));
}

/** Whether a path is the folder itself or lies below it. */
export function isWithin(path, folder) {
  return folder === "" || path === folder || path.startsWith(`${folder}/`);
}

/** What is wrong with a name that somebody wrote, as a message; an empty text where nothing is. */
export function nameFault(name) {
  if (!name.trim()) return "Write a name.";
  if (name === "." || name === "..") return "This name is reserved. Write another one.";
  if (name.includes("/")) return "A name can't contain a slash (/). Write another one.";
  if (name.includes("\0")) return "A name can't contain this character. Write another one.";
  if (new TextEncoder().encode(name).length > MOST_BYTES) return `A name can have ${MOST_BYTES} bytes at most. Write a shorter one.`;
  return "";
}

/** Where the page of files stands: `{storage, path}` of an address, both empty for the list of storages. */
export function readAddress(pathname, prefix) {
  const [storage = "", ...parts] = pathname.slice(`${prefix}files/`.length).split("/").filter(Boolean);
  return { storage, path: parts.join("/") };
}
