// The REST API of links and builds, and the start of what has been built.

import { apiUrl, call, eventsUrl } from "../api.js";
import { first } from "../dom.js";

const PREFIX = () => first("main").dataset.prefix;

export function buildUrl(id, rest = "") {
  return apiUrl(`builds/${encodeURIComponent(id)}${rest}`);
}

export function buildEventsUrl(id) {
  return eventsUrl("", `builds/${encodeURIComponent(id)}/events`);
}

export function buildPage(id, query = "") {
  return `${PREFIX()}builds/${encodeURIComponent(id)}${query}`;
}

/** What a link stands for: its commit is looked up, nothing is built. */
export function lookUpLink(path) {
  return call("GET", apiUrl(`links/${path}`));
}

export function requestBuild(document) {
  return call("POST", apiUrl("builds"), document);
}

export function cancelBuild(id) {
  return call("DELETE", buildUrl(id));
}

/** The user's software of a build that is done: made, or found where it has been made before. */
export function makeSoftware(id) {
  return call("POST", buildUrl(id, "/software"));
}

/**
 * Starts software, and goes to the page of the task, which waits for it and opens it at `urlpath`.
 * @param {{family: string, version: string}} software
 * @param {Record<string, string>} options
 */
export async function startSoftware({ family, version }, { computing, size, urlpath }) {
  const options = { software: family, version, computing, size };
  const task = await call("POST", apiUrl("tasks"), options);
  const query = new URLSearchParams({ wait: "1", ...(urlpath ? { next: inside(urlpath) } : {}) });
  location.assign(`${PREFIX()}tasks/${task.id}?${query}`);
}

function inside(urlpath) {
  return `/${urlpath.replace(/^\/+/, "")}`;
}

/** The page of the user's software. */
export function softwarePage(family) {
  return `${PREFIX()}software#${encodeURIComponent(family)}`;
}
