// The API of software, as the page calls it.

import { apiUrl, call, send } from "../api.js";

const JSON_TYPE = { "Content-Type": "application/json" };

const versionUrl = (id, rest = "") => apiUrl(`software/versions/${encodeURIComponent(id)}${rest}`);
const cardUrl = (id, rest = "") => apiUrl(`software/${encodeURIComponent(id)}${rest}`);
const condition = (revision) => ({ "If-Match": `"${revision}"` });

export async function listSoftware() {
  return (await call("GET", apiUrl("software"))).software;
}

/** A version as it can be edited: `{id, card, owner, revision, entry…}`. */
export const readVersion = (id) => call("GET", versionUrl(id));

/** Adds a version: to the owner's card of that name and image, or with a card of its own. */
export const addVersion = (entry) => call("POST", apiUrl("software"), entry);

/** Saves a version that has this revision; throws an ApiError of 412 where it has another. */
export const saveVersion = (id, revision, entry) => send("PUT", versionUrl(id), JSON.stringify(entry), { ...JSON_TYPE, ...condition(revision) });

export const deleteVersion = (id, revision) => send("DELETE", versionUrl(id), undefined, condition(revision));

export const deleteCard = (card) => call("DELETE", cardUrl(card));

/** A copy of one's own, of a version of any card; resolves to it. */
export function duplicateVersion(card, { id, tag }) {
  return call("POST", id ? versionUrl(id, "/duplicate") : cardUrl(card, `/duplicate?${new URLSearchParams({ version: tag })}`));
}

export const saveLogo = (card, file) => send("PUT", cardUrl(card, "/logo"), file, { "Content-Type": file.type });

export const deleteLogo = (card) => call("DELETE", cardUrl(card, "/logo"));

/** Which versions of a card have tags that lead elsewhere by now. */
export async function checkUpdates(card) {
  return (await call("GET", cardUrl(card, "/updates"))).updates;
}

/** What a registry says of an image. */
export function lookUpImage(reference, signal) {
  return call("GET", apiUrl(`images?${new URLSearchParams({ image: reference })}`), undefined, signal);
}

/** Marks a card as one of the user's favourites, or not any more. */
export const setFavourite = (card, favourite) => call(favourite ? "PUT" : "DELETE", cardUrl(card, "/favourite"));
