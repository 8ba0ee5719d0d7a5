// Cookies know no ports: the tasks of one host share one jar. So the names of a task's own cookies begin
// with a secret of the task between browser and edge, and nothing else of the jar ever reaches a
// container. No script can read the secret, because these cookies are HttpOnly, so no page of another
// task can set a cookie that this one receives.

const TASK_COOKIE = /^r[0-9a-f]{16}-/;
const PREFIXES = /^(?:__host-http-|__host-|__secure-|__http-)+/;
// RFC 6265 section 4.1.1 allows tokens; PHP and R also use brackets, colons and the like.
const NAME = /^[\x21\x23-\x2b\x2d-\x3a\x3c\x3e-\x7e]+$/;

/** The beginning of the names of a task's own cookies. */
export function buildCookiePrefix(secret) {
  return `r${secret}-`;
}

/** The name of the cookie that opens a task. */
export function accessCookieName(id, tls) {
  return tls ? `__Host-rosetta-${id}` : `rosetta-${id}`;
}

/** The Set-Cookie line that opens a task. */
export function buildAccessCookie(id, tls, value, maxAge) {
  const secure = tls ? "; Secure" : "";
  const age = `Max-Age=${Math.max(0, Math.floor(maxAge))}`;
  return `${accessCookieName(id, tls)}=${value}; Path=/; ${age}; HttpOnly; SameSite=Lax${secure}`;
}

/** Of a Cookie header: all values of the access cookie, and what the container may see of it. */
export function parseCookies(header, accessName, ownPrefix) {
  const access = [];
  const own = [];
  if (header === undefined) return { access, own: "" };
  for (const part of header.split(";")) {
    const pair = part.trim();
    if (pair.startsWith(ownPrefix)) own.push(pair.slice(ownPrefix.length));
    else if (pair.startsWith(accessName) && pair[accessName.length] === "=") {
      access.push(pair.slice(accessName.length + 1));
    }
  }
  return { access, own: own.join("; ") };
}

/** Whether a name belongs to the hub, to the edge or to a task, and so to no container. */
export function isReserved(name, hubNames) {
  const bare = name.toLowerCase().replace(PREFIXES, "");
  if (bare.startsWith("rosetta-") || TASK_COOKIE.test(bare)) return true;
  return hubNames.some((hubName) => bare.startsWith(hubName));
}

/**
 * The Set-Cookie lines that a browser gets for one of the container's.
 *
 * The server's copy is renamed and HttpOnly. A cookie that scripts may read is set once more under its
 * own name, for them. Nameless cookies are dropped: `=rosetta-x=1` comes back as `rosetta-x=1`.
 */
export function rewriteSetCookie(line, ownPrefix, tls, hubNames) {
  const [pair, ...rest] = line.split(";").map((part) => part.trim());
  const equals = pair.indexOf("=");
  const name = pair.slice(0, Math.max(0, equals)).trim();
  if (!NAME.test(name)) return [];
  const value = pair.slice(equals + 1).trim();
  const { attributes, httpOnly } = cleanAttributes(rest, tls);
  const tail = attributes.map((attribute) => `; ${attribute}`).join("");
  const lines = [`${ownPrefix}${name}=${value}${tail}; HttpOnly`];
  if (!httpOnly && !isReserved(name, hubNames)) lines.push(`${name}=${value}${tail}`);
  return lines;
}

// `Domain` would reach other hosts. Without TLS a browser would refuse `Secure` and, with it, `SameSite=None`.
function cleanAttributes(rest, tls) {
  const attributes = [];
  let httpOnly = false;
  for (const attribute of rest) {
    const [key, value = ""] = attribute.toLowerCase().split("=").map((part) => part.trim());
    if (key === "httponly") httpOnly = true;
    else if (key === "" || key === "domain" || key === "secure" || key === "partitioned") continue;
    else if (key === "samesite" && value === "none" && !tls) continue;
    else attributes.push(attribute);
  }
  if (tls) attributes.push("Secure");
  return { attributes, httpOnly };
}
