// An entry of software, as the API has it: what of it is the user's, and two edits of one entry.

/** The keys that the form shows, with what they are where an entry does not name them. */
export const DEFAULTS = Object.freeze({
  name: "",
  description: "",
  keywords: [],
  registry: "",
  image_name: "",
  image_tag: "latest",
  image_arch: null,
  image_archs: [],
  image_os: "linux",
  image_digest: null,
  interface_port: 8888,
  interface_protocol: "http",
  interface_transport: "tcp",
  interface_path: "/",
  interface_auth: "none",
  interface_auth_user: "metauser",
  supports_interface_auth: false,
  supports_custom_interface_port: false,
  interfaces: [],
  environment: {},
  command: [],
});

/** What each key is called on the page. */
export const LABELS = Object.freeze({
  name: "Name",
  description: "Description",
  keywords: "Keywords",
  registry: "Registry",
  image_name: "Image",
  image_tag: "Tag",
  image_arch: "Architecture",
  image_archs: "Architectures of the image",
  image_os: "Operating system",
  image_digest: "Digest",
  interface_port: "Port",
  interface_protocol: "Protocol",
  interface_transport: "Transport",
  interface_path: "Path to open",
  interface_auth: "Authentication",
  interface_auth_user: "User name",
  supports_interface_auth: "Takes a password from AUTH_PASS",
  supports_custom_interface_port: "Listens on BASE_PORT",
  interfaces: "Further interfaces",
  environment: "Environment variables",
  command: "Command",
});

/** The protocols that the platform's own check guards. */
export const isWeb = (protocol) => protocol === "http" || protocol === "https";

/** The value of a key, the default where the entry does not name it. */
export function valueOf(entry, key) {
  return entry[key] ?? DEFAULTS[key] ?? null;
}

/** Whether two values of JSON are the same; the order of an object's keys does not count. */
export function isSame(first, second) {
  return canonical(first) === canonical(second);
}

function canonical(value) {
  return JSON.stringify(value ?? null, (_key, part) => (
    part && typeof part === "object" && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort(([first], [second]) => (first < second ? -1 : 1))) : part
  ));
}

/**
 * Two edits of one entry, `mine` and `theirs`, which both began with `base`: `merged` has what
 * either has changed, and mine where both have; `conflicts` are the keys that both have changed.
 */
export function mergeEntries(base, mine, theirs) {
  const merged = { ...theirs };
  const conflicts = [];
  for (const key of new Set([...Object.keys(base), ...Object.keys(mine), ...Object.keys(theirs)])) {
    const [before, my, their] = [base, mine, theirs].map((entry) => valueOf(entry, key));
    if (isSame(my, before) || isSame(my, their)) continue;
    merged[key] = my;
    if (!isSame(their, before)) conflicts.push(key);
  }
  return { merged, conflicts };
}

/** A value of an entry in words. */
export function valueText(value) {
  if (value === null || value === undefined || value === "") return "empty";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.map(valueText).join(", ") || "empty";
  if (typeof value === "object") return Object.entries(value).map(([name, part]) => `${name}=${valueText(part)}`).join(", ") || "empty";
  return String(value);
}

/** The ways in which an interface of a protocol may protect itself, as `[value, label]`. */
export function authChoices(protocol) {
  if (!isWeb(protocol)) return [["password", "One-time password, shown on the task's page"]];
  return [
    ["none", "None: the platform's check alone"],
    ["jupyter", "Jupyter's token, in JUPYTER_TOKEN"],
    ["basic", "Basic, with AUTH_USER and AUTH_PASS"],
  ];
}
