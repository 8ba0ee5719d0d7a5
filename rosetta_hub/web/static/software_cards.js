// What a card of software shows beside its name: the same on the form and on the Software page.

import { h } from "./dom.js";
import { protocolName } from "./format.js";

/** The address of the form, filled in with options by name; with `start` "1" it is one button. */
export function startLink(hubUrl, options) {
  const entries = Object.entries(options).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return `${hubUrl}spawn?${new URLSearchParams(entries.map(([name, value]) => [name, String(value)]))}`;
}

/** Where a version runs, as `{name, text}`, and where not and why. */
export function placesOf(version) {
  const places = (version.computing || []).map(({ name, support }) => ({
    name,
    kind: support === "emulated" ? "emulated" : "native",
    text: support === "emulated" ? "runs emulated, which is slow" : "",
  }));
  const none = (version.unavailable || []).map(({ name, reason }) => ({ name, kind: "none", text: reason }));
  return [...places, ...none];
}

/** Where a version runs in a few words. */
export function placesText(version) {
  const places = placesOf(version);
  const able = places.filter(({ kind }) => kind !== "none");
  if (!able.length) return "Runs on no computing resource of yours";
  const words = able.map(({ name, kind }) => (kind === "emulated" ? `${name} (emulated)` : name));
  return `Runs on ${words.join(", ")}`;
}

/** The tags of a card: its protocol and its keywords. */
export function cardTags(family) {
  const protocol = family.kind === "native" ? "JupyterHub" : protocolName(family.interface?.protocol);
  return [h("span", { class: "tag tag-protocol" }, protocol), ...(family.tags || []).map((tag) => h("span", { class: "tag" }, tag))];
}

/** All that a search looks at. */
export function searchText(family) {
  const images = (family.versions || []).flatMap(({ tag, image }) => [tag, image || ""]);
  return [family.name, family.description, ...(family.tags || []), ...images, family.owner?.name || ""].join(" ");
}

const DAY = 86400000;

/** `Used 12 times, last on Monday`; empty for software that was never used. `now` is a Date. */
export function usesText({ uses = 0, last_used: last = null }, now = new Date()) {
  if (!uses || !last) return "";
  return `Used ${uses === 1 ? "once" : `${uses} times`}, ${uses === 1 ? "" : "last "}${dayText(new Date(last), now)}`;
}

/** The day of a time in the past, as one says it. */
function dayText(moment, now) {
  const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  const days = Math.round((midnight(now) - midnight(moment)) / DAY);
  if (days <= 0) return "today";
  if (days === 1) return "yesterday";
  if (days < 7) return `on ${moment.toLocaleDateString("en", { weekday: "long" })}`;
  /** @type {Intl.DateTimeFormatOptions} */
  const format = { day: "numeric", month: "long" };
  if (moment.getFullYear() !== now.getFullYear()) format.year = "numeric";
  return `on ${moment.toLocaleDateString("en-GB", format)}`;
}
