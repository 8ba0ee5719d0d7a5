// References of images as users write and paste them.

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** Whether the first part of a reference is a registry's host, as Docker tells it from a name. */
function isHost(part) {
  return part.includes(".") || part.includes(":") || part === "localhost";
}

/**
 * The parts of a reference such as `ghcr.io/org/app:1.2@sha256:…`, as a pull command or the page of
 * a registry shows it; empty texts for what it does not name.
 */
export function splitReference(text) {
  const plain = text.trim().replace(/^(docker|podman|apptainer|singularity)\s+pull\s+/, "").replace(/^(https?|docker|oci):\/\//, "");
  const [named, digest = ""] = plain.split("@", 2);
  const slash = named.indexOf("/");
  const host = slash > 0 && isHost(named.slice(0, slash)) ? named.slice(0, slash) : "";
  const rest = host ? named.slice(slash + 1) : named;
  const colon = rest.lastIndexOf(":");
  const tag = colon > 0 && TAG.test(rest.slice(colon + 1)) ? rest.slice(colon + 1) : "";
  return { registry: host, name: tag ? rest.slice(0, colon) : rest, tag, digest: DIGEST.test(digest) ? digest : "" };
}

/** Whether a text is more than the name of an image: it names a registry, a tag or a digest. */
export function isReference(text) {
  const { registry, tag, digest } = splitReference(text);
  return Boolean(registry || tag || digest);
}

/** The reference out of its parts; empty without a name. */
export function joinReference({ registry = "", name = "", tag = "", digest = "" }) {
  if (!name) return "";
  const repository = registry ? `${registry}/${name}` : name;
  return digest ? `${repository}@${digest}` : `${repository}:${tag || "latest"}`;
}

/** The beginning of a digest, for users. */
export function shortDigest(digest) {
  return digest ? digest.slice(0, "sha256:".length + 12) : "";
}
