// The service's tunnel in: JSON over HTTP on a unix socket that only its owner can open.

import http from "node:http";

import { log } from "./log.mjs";
import { PortError } from "./ports.mjs";
import { BadListener } from "./task.mjs";

const LARGEST_BODY = 16 * 1024 * 1024;
const HASH = /^[0-9a-f]{64}$/;
const CONNECTION = /^\/tasks\/([0-9a-f]{12}(?:-\d+)?)\/connection$/;

class ApiError extends Error {
  constructor(status, code, message = code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

async function readJson(req) {
  if (Number(req.headers["content-length"]) > LARGEST_BODY) throw new ApiError(413, "too_large");
  const chunks = [];
  let size = 0;
  for await (const chunk of req) {
    size += chunk.length;
    if (size > LARGEST_BODY) throw new ApiError(413, "too_large");
    chunks.push(chunk);
  }
  let value;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new ApiError(400, "bad_json");
  }
  if (value === null || typeof value !== "object") throw new ApiError(400, "bad_json");
  return value;
}

function send(res, status, value) {
  const body = Buffer.from(JSON.stringify(value));
  res.writeHead(status, { "Content-Type": "application/json", "Content-Length": body.length, Connection: "close" });
  res.end(body);
}

function sendError(res, error) {
  if (error instanceof ApiError) return send(res, error.status, { error: error.code, message: error.message });
  if (error instanceof BadListener) return send(res, 400, { error: "bad_listener", message: error.message });
  if (error instanceof PortError) {
    return send(res, 409, { error: "port_in_use", message: error.message });
  }
  log.error(`API: ${error.stack}`);
  return send(res, 500, { error: "internal", message: "see the edge's log" });
}

/** The descriptions of tasks in a body, each with an id of its own. */
function listOf(body) {
  const raws = body.tasks;
  const isList = Array.isArray(raws) && raws.every((raw) => raw !== null && typeof raw === "object");
  if (!isList) throw new ApiError(400, "bad_json", "tasks is a list of objects");
  const ids = new Set(raws.map((raw) => raw.id));
  if (ids.size !== raws.length) throw new ApiError(400, "bad_listener", "an id is there twice");
  return raws;
}

/** The calls, by method and path; `status()` says who answers. */
function buildRoutes(tasks, status) {
  const taskOf = (id) => {
    const task = tasks.get(id);
    if (task === null) throw new ApiError(404, "no_such_task");
    return task;
  };
  return [
    ["GET", /^\/status$/, () => status()],
    ["GET", /^\/activity$/, () => ({ tasks: tasks.activity() })],
    ["PUT", /^\/tasks$/, async (body) => {
      const { kept: keptTasks = {} } = body;
      if (keptTasks === null || typeof keptTasks !== "object") throw new ApiError(400, "bad_json", "kept is an object");
      return { errors: await tasks.putAll(listOf(body), keptTasks) };
    }],
    ["PATCH", /^\/tasks$/, async (body) => ({ errors: await tasks.putMore(listOf(body)) })],
    ["PUT", /^\/tasks\/([0-9a-f]{12}(?:-\d+)?)$/, async (body, id) => {
      if (body.id !== id) throw new ApiError(400, "bad_listener", "the id differs from the path's");
      await tasks.put(body);
      return {};
    }],
    ["DELETE", /^\/tasks\/([0-9a-f]{12}(?:-\d+)?)$/, async (_body, id) => {
      if (!(await tasks.remove(id))) throw new ApiError(404, "no_such_task");
      return {};
    }],
    ["POST", /^\/tasks\/([0-9a-f]{12}(?:-\d+)?)\/tickets$/, (body, id) => {
      taskOf(id).sessions.issue(body.ticket_sha256, parseGrant(body, Date.now()));
      return {};
    }],
    ["DELETE", /^\/tasks\/([0-9a-f]{12})\/sessions\/([0-9a-f]{64})$/, (_body, id, hash) => {
      taskOf(id);
      const ended = tasks.group(id).filter((task) => task.sessions.remove(hash));
      if (ended.length === 0) throw new ApiError(404, "no_such_session");
      return {};
    }],
    ["DELETE", /^\/tasks\/([0-9a-f]{12})\/connections$/, (_body, id) => {
      taskOf(id);
      for (const task of tasks.group(id)) task.traffic.destroyAnonymous();
      return {};
    }],
  ];
}

function parseGrant(body, now) {
  const { ticket_sha256: hash, browser_sha256: browser, session, user, expires_in: seconds, session_expires: ends } = body;
  const good =
    HASH.test(hash) && HASH.test(browser) && /^[\w~.-]{16,}$/.test(session) && typeof user === "string" &&
    seconds > 0 && Number.isFinite(seconds) && Number.isFinite(ends);
  if (!good) throw new ApiError(400, "bad_ticket");
  return { value: session, user, browser, expires: now + seconds * 1000, sessionExpires: ends * 1000 };
}

async function handle(routes, req, res) {
  const matches = routes.filter(([, pattern]) => pattern.test(req.url));
  if (matches.length === 0) throw new ApiError(404, "no_such_call");
  const route = matches.find(([method]) => method === req.method);
  if (route === undefined) throw new ApiError(405, "no_such_method");
  const [method, pattern, call] = route;
  const body = ["PUT", "PATCH", "POST"].includes(method) ? await readJson(req) : null;
  send(res, method === "POST" ? 201 : 200, await call(body, ...pattern.exec(req.url).slice(1)));
}

// A stream of bytes to a task: the connection of the call itself becomes it.
function connect(tasks, bring, req, socket, head) {
  socket.on("error", () => socket.destroy());
  const id = CONNECTION.exec(req.url)?.[1];
  const task = id === undefined || req.method !== "POST" ? null : tasks.get(id);
  if (task === null || task.target === null) {
    const [status, code] = task === null ? [404, "no_such_task"] : [503, "no_target"];
    const body = JSON.stringify({ error: code, message: code });
    socket.end(`HTTP/1.1 ${status} -\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
    return;
  }
  if (head.length > 0) socket.unshift(head);
  socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: bytes\r\n\r\n");
  bring(socket, task);
}

/**
 * The server of the API, to be bound to the socket by the caller. `bring(socket, task)` takes over
 * connections to tasks that the service opens for users it has checked.
 */
export function createApi(tasks, status, bring) {
  const routes = buildRoutes(tasks, status);
  const server = http.createServer((req, res) => {
    handle(routes, req, res).catch((error) => sendError(res, error));
  });
  return server.on("upgrade", (req, socket, head) => connect(tasks, bring, req, socket, head));
}
