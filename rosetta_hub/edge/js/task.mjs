// One task as the service describes it ("listener"), checked, with what a request needs precomputed.
// A further interface of a task is described like a task, with an id of its own: "<task>-<port>". Its
// origin, cookies and sessions are its own, too; `interfaces` of the task lists the ports.

import { accessCookieName, buildCookiePrefix } from "./cookies.mjs";
import { ConnectionPool, hasUndefinedBody } from "./pool.mjs";
import { Sessions } from "./sessions.mjs";
import { Traffic } from "./traffic.mjs";

/** The service sent something that it should not. */
export class BadListener extends Error {}

function require(condition, message) {
  if (!condition) throw new BadListener(message);
}

const isPort = (value) => Number.isInteger(value) && value > 0 && value < 65536;
const isId = (value) => typeof value === "string" && /^[0-9a-f]{12}(?:-[1-9][0-9]{0,4})?$/.test(value);
const isText = (value) => typeof value === "string" && value !== "";
const isWebUrl = (value) => typeof value === "string" && /^https?:\/\/[^\s"'<>]+$/.test(value);
const isHeaderValue = (value) => isText(value) && /^[\t\x20-\x7e]+$/.test(value);

function complete(raw) {
  const nothing = { port: null, host: null, authorization: null, interface_port: null, target: null };
  return { ...nothing, target_tls: false, interfaces: [], ...raw };
}

function checkTarget(target) {
  if (target === null) return;
  const isUnix = isText(target.unix);
  require(isUnix || (isText(target.host) && isPort(target.port)), "target is {unix} or {host, port}");
}

/** Raise BadListener where a description can't be served. */
export function checkListener(listener, context) {
  const raw = complete(listener);
  require(isId(raw.id), "id is 12 hexadecimal digits, and a port for a further interface");
  require(/^[0-9a-f]{16}$/.test(raw.cookie_secret), "cookie_secret is 16 hexadecimal digits");
  require(["http", "tcp"].includes(raw.protocol), "protocol is http or tcp");
  require(raw.port === null || isPort(raw.port), "port is a port number or null");
  require(raw.port !== null || (raw.protocol === "http" && isText(raw.host)), "neither port nor host");
  require(raw.port !== null || context.mainPort !== null, "host names need a main port");
  require(raw.protocol === "tcp" || isText(raw.host ?? context.publicHost), "no public host name");
  require(isWebUrl(raw.room_url) && isWebUrl(raw.open_url), "room_url and open_url are web addresses");
  require(raw.authorization === null || isHeaderValue(raw.authorization), "authorization is a header");
  require(raw.interface_port === null || isPort(raw.interface_port), "interface_port is a port number or null");
  require(Array.isArray(raw.interfaces) && raw.interfaces.every(isPort), "interfaces are port numbers");
  checkTarget(raw.target);
}

function buildHostHeader(host, port, tls) {
  const standard = tls ? 443 : 80;
  return port === standard ? host : `${host}:${port}`;
}

/** `context`: {tls, publicHost, mainPort} of the whole edge. */
export class Task {
  constructor(raw, context) {
    this.sessions = new Sessions();
    this.traffic = new Traffic();
    this.context = context;
    this.update(raw, Date.now());
  }

  /** Take over a new description. Id, port and host name stay; open connections stay open. */
  update(raw, now) {
    checkListener(raw, this.context);
    const full = complete(raw);
    const { tls, publicHost, mainPort } = this.context;
    this.id = full.id;
    this.port = full.port;
    this.host = full.host?.toLowerCase() ?? null;
    this.protocol = full.protocol;
    this.name = String(full.name ?? full.id);
    this.authorization = full.authorization;
    this.roomUrl = full.room_url;
    this.openUrl = full.open_url;
    this.cookieName = accessCookieName(this.id, tls);
    this.cookiePrefix = buildCookiePrefix(full.cookie_secret);
    const host = this.host ?? publicHost?.toLowerCase();
    this.hostHeader = buildHostHeader(host, this.port ?? mainPort, tls);
    this.origin = `${tls ? "https" : "http"}://${this.hostHeader}`;
    this.interfaces = full.interfaces;
    this.ownPorts = [full.interface_port, full.target?.port];
    this.#setTarget(full.target, full.target_tls);
    if (full.sessions !== undefined) this.sessions.replace(full.sessions, now);
  }

  #setTarget(target, overTls) {
    const key = JSON.stringify([target, overTls]);
    if (key === this.targetKey) return;
    this.targetKey = key;
    this.target = target;
    this.sessions.closePools();
    this.proxyOptions = null;
    if (target === null || this.protocol === "tcp") return;
    const where = target.unix
      ? { socketPath: target.unix, host: "localhost", hostname: "localhost" }
      : { host: target.host, hostname: target.host, port: target.port };
    // http-proxy would take the edge's own TLS options (`ssl`) for connections to containers, and write
    // into them. Containers' certificates are self-signed, and the tunnel to them is private.
    const shared = { ssl: undefined, secure: false, toProxy: true, prependPath: false };
    this.proxyOptions = { ...shared, target: { protocol: overTls ? "https:" : "http:", ...where }, agent: undefined };
  }

  /** The options of http-proxy for a request of a session, or of none: `proxyOptions` opens a connection for it alone. */
  optionsFor(req, session) {
    if (session === null || hasUndefinedBody(req)) return this.proxyOptions;
    session.pool ??= new ConnectionPool(this.proxyOptions);
    return session.pool.options;
  }

  /** Where the raw bytes of a TCP task go, as options of net.connect; null when it is not ready. */
  get address() {
    if (this.target === null) return null;
    return this.target.unix ? { path: this.target.unix } : this.target;
  }

  /** Cut everything. */
  close() {
    this.traffic.destroy();
    this.sessions.closePools();
  }

  activity() {
    return { ...this.traffic.activity(), sessions: this.sessions.activity() };
  }
}
