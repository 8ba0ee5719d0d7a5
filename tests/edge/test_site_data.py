"""The site data that a task leaves in a browser does not reach the next task on its port."""

import ssl
from typing import TYPE_CHECKING, Any

from playwright.async_api import BrowserContext, Page

from tests.edge.browsing import open_in
from tests.support.browsing import visit

if TYPE_CHECKING:
    from tests.edge.conftest import Answer, Backend, OpenTask, Request, Rig

WORKER = {"Service-Worker": "script", "Sec-Fetch-Site": "same-origin", "Accept": "*/*"}
CLEARED = '"cache", "storage"'

# Keeps every page of the port from the browser, the one that opens a task, too.
HOSTILE_WORKER = """
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(clients.claim()));
self.addEventListener("fetch", (event) => {
  event.respondWith(new Response("hostile", { headers: { "Content-Type": "text/html" } }));
});
"""
LEAVE = """async () => {
  localStorage.setItem("left", "behind");
  await (await caches.open("left")).put("/x", new Response("behind"));
  await fetch("/cached");
}"""
FIND = """async () => [
  localStorage.getItem("left"),
  await caches.keys(),
  await (await fetch("/cached")).text(),
  (await navigator.serviceWorker.getRegistrations()).length,
  navigator.serviceWorker.controller === null,
]"""
IS_FREE = "async () => (await navigator.serviceWorker.getRegistrations()).length === 0"
REGISTER = """() => navigator.serviceWorker.register("/worker.js").then(
  () => navigator.serviceWorker.ready).then(() => "registered", (error) => error.name)"""


async def trade_ticket(task: "OpenTask", cookies: str = "") -> "Answer":
    """The answer to a ticket's trade."""
    path, _ = await task.post_ticket()
    return await task.page(path, {"Cookie": f"{task.browser_cookie}; {cookies}"})


async def check_first_opening(rig: "Rig", backend: "Backend") -> None:
    task = await rig.open(backend.target)
    first = await trade_ticket(task)
    assert first.get("clear-site-data") == CLEARED
    _, line = first.all("set-cookie")
    prefix, tail = ("__Host-", "; Secure") if rig.tls else ("", "")
    name = f"{prefix}rosetta-port-{task.socket_port}"
    assert line == f"{name}={task.id}; Path=/; Max-Age=1209600; HttpOnly; SameSite=Lax{tail}"
    pair = f"{name}={task.id}"
    assert (await trade_ticket(task, pair)).all("clear-site-data") == [], "its own data stays"
    for other in [f"{name}=0123456789ab", f"{pair}; {name}=0123456789ab", task.cookie, f"x{pair}"]:
        assert (await trade_ticket(task, other)).get("clear-site-data") == CLEARED
    assert (await task.fetch("/", {**task.own, "Cookie": f"{task.cookie}; {pair}"})).status == 200
    assert backend.requests[-1].get("cookie") is None


async def test_first_opening_clears(rig: "Rig", backend: "Backend") -> None:
    await check_first_opening(rig, backend)


async def test_first_opening_clears_with_tls(secure_rig: "Rig", backend: "Backend") -> None:
    await check_first_opening(secure_rig, backend)


async def test_container_can_not_claim_a_port(rig: "Rig", backend: "Backend") -> None:
    task = await rig.open(backend.target)
    line = b"Set-Cookie: rosetta-port-7001=x\r\n"
    backend.respond = lambda _: b"HTTP/1.1 200 OK\r\n%sContent-Length: 0\r\n\r\n" % line
    (renamed,) = (await task.fetch("/", task.own)).all("set-cookie")
    assert renamed.startswith(f"{task.cookie_prefix}rosetta-port-7001=x")


async def test_service_worker_is_refused(rig: "Rig", backend: "Backend") -> None:
    task = await rig.open(backend.target)
    answer = await task.fetch("/worker.js", {**task.own, **WORKER})
    assert (answer.status, "service workers" in answer.text) == (403, True)
    assert answer.get("clear-site-data") == CLEARED, "it may be one from before"
    owner = f"{task.cookie}; rosetta-port-{task.socket_port}={task.id}"
    mine = await task.fetch("/worker.js", {**WORKER, "Cookie": owner})
    assert (mine.status, mine.all("clear-site-data")) == (403, [])
    foreign = {**task.own, **WORKER, "Sec-Fetch-Site": "same-site"}
    assert (await task.fetch("/worker.js", foreign)).all("clear-site-data") == []
    assert backend.requests == []


async def test_task_with_a_host_name_keeps_all(named_rig: "Rig", backend: "Backend") -> None:
    task = await named_rig.open(backend.target, host="keeps.tasks.example")
    assert (await task.fetch("/worker.js", {**task.own, **WORKER})).status == 200
    opened = await trade_ticket(task)
    assert opened.all("clear-site-data") == []
    assert len(opened.all("set-cookie")) == 1


def serve_page(text: str, worker: str = "") -> Any:
    """A page, an answer that browsers keep, and perhaps a service worker."""

    def respond(request: "Request") -> bytes:
        kind, body, keep = "text/html", text, "no-store"
        if request.path == "/worker.js":
            kind, body = "text/javascript", worker
        elif request.path == "/cached":
            keep = "max-age=3600, immutable"
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nCache-Control: {keep}\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()

    return respond


async def see_opened(page: Page, task: "OpenTask") -> tuple[str | None, list[Any]]:
    """What the page of a task says when it is opened with a ticket, and what it finds."""
    await open_in(page, task)
    return await page.text_content("body"), await page.evaluate(FIND)


async def follow(
    rig: "Rig", backend: "Backend", other_backend: "Backend", browser: BrowserContext
) -> None:
    backend.respond, other_backend.respond = serve_page("one"), serve_page("two")
    old, page = await rig.open(backend.target), await browser.new_page()
    assert (await see_opened(page, old))[0] == "one"
    assert await page.evaluate(REGISTER) == "TypeError"
    await page.evaluate(LEAVE)
    again = await see_opened(page, old)
    assert again == ("one", ["behind", ["left"], "one", 0, True])
    assert await rig.client.delete_task(old.id)
    new = await rig.open(other_backend.target, port=old.socket_port)
    assert await see_opened(page, new) == ("two", [None, [], "two", 0, True])
    assert "/worker.js" not in {request.path for request in backend.requests}


async def test_next_task_on_the_port_finds_nothing(
    rig: "Rig", backend: "Backend", other_backend: "Backend", browser: BrowserContext
) -> None:
    await follow(rig, backend, other_backend, browser)


async def test_next_task_on_the_port_finds_nothing_with_tls(
    secure_rig: "Rig", backend: "Backend", other_backend: "Backend", browser: BrowserContext
) -> None:
    await follow(secure_rig, backend, other_backend, browser)


async def outlive(
    rig: "Rig", backend: "Backend", other_backend: "Backend", browser: BrowserContext
) -> None:
    from tests.edge.conftest import until

    page = await browser.new_page()
    await serve_directly(backend, rig)
    backend.respond = serve_page("one", HOSTILE_WORKER)
    await visit(page, f"{rig.scheme}://127.0.0.1:{backend.port}/")
    assert await page.evaluate(REGISTER) == "registered"
    await page.reload()
    assert await page.text_content("body") == "hostile"
    await backend.stop()
    other_backend.respond = serve_page("two")
    task = await rig.open(other_backend.target, port=backend.port)
    await open_in(page, task)
    # The browser asks for the worker's script a moment later, and is told to forget the worker.
    await until(lambda: page.evaluate(IS_FREE))
    assert await see_opened(page, task) == ("two", [None, [], "two", 0, True])
    await page.reload()
    assert await page.text_content("body") == "two"


async def serve_directly(backend: "Backend", rig: "Rig") -> None:
    """Have the browser reach the backend without an edge."""
    if not rig.tls:
        return
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    assert rig.config.tls_cert is not None
    context.load_cert_chain(rig.config.tls_cert, rig.config.tls_key)
    await backend.stop()
    await backend.start(tls=context)


async def test_worker_from_before_the_edge_is_gone(
    rig: "Rig", backend: "Backend", other_backend: "Backend", browser: BrowserContext
) -> None:
    """Another program had the port, say."""
    await outlive(rig, backend, other_backend, browser)


async def test_worker_from_before_the_edge_is_gone_with_tls(
    secure_rig: "Rig", backend: "Backend", other_backend: "Backend", browser: BrowserContext
) -> None:
    await outlive(secure_rig, backend, other_backend, browser)
