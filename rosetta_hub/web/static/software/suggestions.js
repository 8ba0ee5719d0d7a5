// What a look-up says of an image, as values and choices of the form.

const LABEL = "org.opencontainers.image.";
const LONGEST_NAME = 80;

/** `linux/arm64/v8` */
export function platformText({ os, arch, variant }) {
  return [os, arch, variant].filter(Boolean).join("/");
}

/** The TCP port that an image exposes, null where it exposes none: the lowest of several. */
export function exposedPort(ports) {
  const numbers = (ports || [])
    .map((port) => /^(\d+)(\/tcp)?$/.exec(String(port)))
    .filter(Boolean)
    .map((match) => Number(match[1]));
  return numbers.length ? Math.min(...numbers) : null;
}

/** The values that an image's description gives to fields of the form, by key. */
export function suggestValues(image) {
  const labels = image.labels || {};
  const values = {
    name: labels[`${LABEL}title`] || lastName(image.image_name || ""),
    description: labels[`${LABEL}description`] || "",
    interface_port: exposedPort(image.ports),
  };
  values.name = [...values.name].slice(0, LONGEST_NAME).join("");
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null && value !== ""));
}

function lastName(name) {
  const last = name.split("/").at(-1).replace(/[-_]+/g, " ").trim();
  return last ? last[0].toUpperCase() + last.slice(1) : "";
}

/** The architectures that an index has, each once: what can be forced. */
export function archChoices(image) {
  return [...new Set((image.archs || []).map(({ arch }) => arch).filter(Boolean))];
}

/** The architectures for which an image runs on Linux: what resources are compared with. */
export function linuxArchs(image) {
  return archChoices({ archs: (image.archs || []).filter(({ os }) => os === "linux") });
}

/** Tags with the likeliest first: `latest`, then numbers downwards, then the others. */
export function sortTags(tags) {
  const rank = (tag) => (tag === "latest" ? 0 : /^v?\d/.test(tag) ? 1 : 2);
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  return [...tags].sort((first, second) => rank(first) - rank(second) || (rank(first) === 1 ? compare(second, first) : compare(first, second)));
}
