// Links to repositories, in BinderHub's spelling: made of a form's fields, and shown as a badge.

/** How a path within the repository is named in a link. */
const PATH_KINDS = ["labpath", "filepath", "urlpath"];

/**
 * The address of a link below `…/v2/`, as `gh/owner/name/main?labpath=a.ipynb`. `provider` says how
 * its repositories are written: `quoted` as one part of the path, `hasRef` with a branch, tag or commit.
 * Empty where there is no repository.
 */
export function linkPath(provider, { repository, ref, pathKind, path, computing, size }) {
  const name = trimSlashes(repository.trim());
  if (!name) return "";
  const spec = [provider.quoted ? encodeURIComponent(name) : quoteParts(name)];
  if (provider.hasRef) spec.push(quoteParts(ref.trim() || "HEAD"));
  const query = [];
  if (path.trim() && PATH_KINDS.includes(pathKind)) query.push([pathKind, path.trim()]);
  if (computing) query.push(["computing", computing]);
  if (size) query.push(["size", size]);
  const text = query.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&");
  return `${provider.id}/${spec.join("/")}${text ? `?${text}` : ""}`;
}

// Branches have slashes, and so have names of repositories: they stay readable.
function quoteParts(text) {
  return text.split("/").map((part) => encodeURIComponent(part)).join("/");
}

function trimSlashes(text) {
  return text.replace(/^\/+|\/+$/g, "");
}

/**
 * What an address that somebody pastes says: `{provider, repository, ref, path}`; null where it is none.
 * Pages of a branch or of a file are understood as GitHub and GitLab write them. Addresses of other
 * hosts are those of git repositories.
 */
export function readAddress(text, providers) {
  const address = text.trim();
  const url = /^https?:\/\//i.test(address) ? parseUrl(address) : null;
  if (!url) return null;
  const provider = providers.find(({ host }) => host && host === url.host);
  if (provider && !provider.hasRef) return null;
  if (!provider) return gitAddress(address, providers);
  const [repository, page = ""] = trimSlashes(url.pathname).split(/\/(?:-\/)?(?:tree|blob)\//, 2);
  const [ref = "", ...path] = decode(page).split("/");
  return { provider: provider.id, repository: decode(repository).replace(/\.git$/, ""), ref, path: path.join("/") };
}

function gitAddress(address, providers) {
  const provider = providers.find(({ kind }) => kind === "git");
  return provider ? { provider: provider.id, repository: address, ref: "", path: "" } : null;
}

function parseUrl(text) {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The badge with its link, in the languages of README files. */
export function badges(link, image, label = "Open in Rosetta Hub") {
  return {
    markdown: `[![${label}](${image})](${link})`,
    rst: `.. image:: ${image}\n   :target: ${link}\n   :alt: ${label}`,
    html: `<a href="${escapeHtml(link)}"><img src="${escapeHtml(image)}" alt="${escapeHtml(label)}"></a>`,
  };
}

function escapeHtml(text) {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
}
