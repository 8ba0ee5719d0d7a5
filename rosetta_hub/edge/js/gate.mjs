// Who gets in. Every request and every upgrade passes here before a byte reaches a container.
// A verdict is {session, own} when it may pass, or {status, text, headers} of the answer instead.

import { identifyBrowser, rememberBrowser } from "./browser.mjs";
import { buildAccessCookie, parseCookies } from "./cookies.mjs";
import { claimPort, isLastingWorker } from "./site_data.mjs";
import { isForeign, isLocalUpgradeForeign, isNavigation, isUpgradeForeign } from "./origins.mjs";
import { buildTicketPage, PAGE_HEADERS } from "./pages.mjs";
import { findLocalOrigin, findServiceTask } from "./service_connections.mjs";

const RESERVED_PATH = "/_rosetta/";
const OPEN_PATH = "/_rosetta/open";
// A path of this origin: "//host" and "/\host" would leave it.
const LOCAL_PATH = /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/;

const MISDIRECTED = { status: 421, text: "This is not the address of a task.\n" };
const BAD_PATH = { status: 400, text: "The request target must be a path.\n" };
const FOREIGN = { status: 403, text: "Requests from other pages are refused.\n" };
const NO_WORKER = { status: 403, text: "A task that has a port can't have service workers.\n" };
const NOT_LOOPBACK = { status: 421, text: "This is not the address of a forwarded port.\n" };
const NO_LOCAL_WORKER = { status: 403, text: "A forwarded port can't have service workers.\n" };
const NO_SESSION = { status: 403, text: "Log in to use this task.\n" };
const NOT_FOUND = { status: 404, text: "Not found.\n" };

/** Whether the request names the one address that the task has. */
export function isOwnHost(req, task) {
  const host = req.headers.host;
  return host === task.hostHeader || host?.toLowerCase() === task.hostHeader;
}

function redirect(location, headers = {}) {
  return { status: 302, text: "", headers: { Location: location, ...headers } };
}

/** The path to go to after a ticket was traded: of this task, and not the trade itself. */
function parseNext(next) {
  if (next === null || !LOCAL_PATH.test(next) || next.startsWith(RESERVED_PATH)) return "/";
  return next;
}

// To the hub, which issues a ticket for this browser and sends it back here.
function requestTicket(req, task, query) {
  const { browser, cookie } = rememberBrowser(req, task.context.tls, OPEN_PATH);
  const url = new URL(task.openUrl);
  url.searchParams.set("browser", browser);
  if (query.has("next")) url.searchParams.set("next", parseNext(query.get("next")));
  return redirect(url.href, { "Set-Cookie": cookie });
}

function judgeTicket(req, task, query, session, now) {
  const next = parseNext(query.get("next"));
  const browser = identifyBrowser(req, task.context.tls, OPEN_PATH);
  const grant = task.sessions.trade(query.get("ticket"), browser, now);
  if (grant === null) {
    if (session !== null) return redirect(next);
    return { status: 403, text: buildTicketPage(task), headers: PAGE_HEADERS };
  }
  const { tls } = task.context;
  const age = (grant.sessionExpires - now) / 1000;
  const { cookies, headers } = claimPort(req, task);
  const access = buildAccessCookie(task.id, tls, grant.value, age);
  return redirect(next, { ...headers, "Set-Cookie": [access, ...cookies] });
}

function judgeOpening(req, task, session, now) {
  if (!isNavigation(req)) return FOREIGN;
  const query = new URLSearchParams(req.url.slice(OPEN_PATH.length));
  return query.has("ticket") ? judgeTicket(req, task, query, session, now) : requestTicket(req, task, query);
}

// The service has checked who comes; pages of other sites in that user's browser are refused here.
function judgeServiceConnection(req, task, isForeignTo) {
  const origin = findLocalOrigin(req);
  if (origin === null) return NOT_LOOPBACK;
  if (!req.url.startsWith("/")) return BAD_PATH;
  if (req.url.startsWith(RESERVED_PATH)) return NOT_FOUND;
  if (isForeignTo(req, origin)) return FOREIGN;
  if (req.headers["service-worker"] === "script") return NO_LOCAL_WORKER;
  return { session: null, own: parseCookies(req.headers.cookie, task.cookieName, task.cookiePrefix).own };
}

/** The verdict on an ordinary request. `task` is the one of its port or, in host-name mode, its name. */
export function judgeRequest(req, task, now) {
  if (findServiceTask(req.socket) !== null) return judgeServiceConnection(req, task, isForeign);
  if (task === null || !isOwnHost(req, task)) return MISDIRECTED;
  if (!req.url.startsWith("/")) return BAD_PATH;
  const { access, own } = parseCookies(req.headers.cookie, task.cookieName, task.cookiePrefix);
  const session = task.sessions.find(access, now);
  if (req.url.startsWith(RESERVED_PATH)) {
    const isOpen = req.url.split("?", 1)[0] === OPEN_PATH;
    return isOpen ? judgeOpening(req, task, session, now) : NOT_FOUND;
  }
  if (isForeign(req, task.origin)) return FOREIGN;
  if (isLastingWorker(req, task)) return { ...NO_WORKER, headers: claimPort(req, task).headers };
  if (session !== null) return { session, own };
  if (!isNavigation(req)) return NO_SESSION;
  return redirect(`${OPEN_PATH}?next=${encodeURIComponent(req.url)}`);
}

/** The verdict on a WebSocket. */
export function judgeUpgrade(req, task, now) {
  if (findServiceTask(req.socket) !== null) return judgeServiceConnection(req, task, isLocalUpgradeForeign);
  if (task === null || !isOwnHost(req, task)) return MISDIRECTED;
  if (!req.url.startsWith("/")) return BAD_PATH;
  if (req.headers.upgrade?.toLowerCase() !== "websocket") {
    return { status: 400, text: "The only upgrade is to a WebSocket.\n" };
  }
  if (isUpgradeForeign(req, task.origin)) return FOREIGN;
  const { access, own } = parseCookies(req.headers.cookie, task.cookieName, task.cookiePrefix);
  const session = task.sessions.find(access, now);
  return session === null ? NO_SESSION : { session, own };
}
