// The hub under the tasks' host name. Whoever logged in there would give the hub's cookies to the host
// whose cookies and pages belong to the tasks.

/** Whether `Host` names the tasks' host; `tasksHost` is as a browser spells it, perhaps with a star. */
export function namesTasksHost(host, tasksHost) {
  const name = (host ?? "").toLowerCase().replace(/:\d*$/, "").replace(/\.$/, "");
  if (!tasksHost.startsWith("*.")) return name === tasksHost;
  return name === tasksHost.slice(2) || name.endsWith(tasksHost.slice(1));
}

/** The answer to a request that names the tasks' host: users are sent to the hub's own address. */
export function answerUnderTasksHost(req, hubOrigin) {
  const text = `The hub is at ${hubOrigin}.\n`;
  const isPage = req.method === "GET" && (req.headers.accept ?? "").includes("text/html");
  if (!isPage || !req.url.startsWith("/")) return { status: 421, text, headers: {} };
  return { status: 302, text, headers: { Location: hubOrigin + req.url } };
}
