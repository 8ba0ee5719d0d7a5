// The API of software, as the page calls it.

import { apiUrl, call, send } from "../api.js";

const JSON_TYPE = { "Content-Type": "application/json" };

const versionUrl = (id, rest = "") => apiUrl(`software/versions/${encodeURIComponent(id)}${rest}`);
const familyUrl = (id, rest = "") => apiUrl(`software/${encodeURIComponent(id)}${rest}`);
const condition = (revision) => ({ "If-Match": `"${revision}"` });

export async function listSoftware() {
  return (await call("GET", apiUrl("software"))).software;
}

/** A version as it can be edited: `{id, family, owner, revision, entry…}`. */
export const readVersion = (id) => call("GET", versionUrl(id));

/** Adds a version: to the owner's software family of that name and image, or with one of its own. */
export const addVersion = (entry) => call("POST", apiUrl("software"), entry);

/** Saves a version that has this revision; throws an ApiError of 412 where it has another. */
export const saveVersion = (id, revision, entry) => send("PUT", versionUrl(id), JSON.stringify(entry), { ...JSON_TYPE, ...condition(revision) });

export const deleteVersion = (id, revision) => send("DELETE", versionUrl(id), undefined, condition(revision));

export const deleteFamily = (family) => call("DELETE", familyUrl(family));

/** A copy of one's own, of a version of any software family; resolves to it. */
export function duplicateVersion(family, { id, tag }) {
  return call("POST", id ? versionUrl(id, "/duplicate") : familyUrl(family, `/duplicate?${new URLSearchParams({ version: tag })}`));
}

export const saveLogo = (family, file) => send("PUT", familyUrl(family, "/logo"), file, { "Content-Type": file.type });

export const deleteLogo = (family) => call("DELETE", familyUrl(family, "/logo"));

/** Which versions of a software family have tags that lead elsewhere by now. */
export async function checkUpdates(family) {
  return (await call("GET", familyUrl(family, "/updates"))).updates;
}

/** What a registry says of an image. */
export function lookUpImage(reference, signal) {
  return call("GET", apiUrl(`images?${new URLSearchParams({ image: reference })}`), undefined, signal);
}

/** Marks software as one of the user's favourites, or not any more. */
export const setFavourite = (family, favourite) => call(favourite ? "PUT" : "DELETE", familyUrl(family, "/favourite"));
