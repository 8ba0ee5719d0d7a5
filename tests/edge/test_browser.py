"""What a real browser gets through: the page of one task against another, of the same user."""

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import BrowserContext

from tests.edge.browsing import build_ticket_url, open_in
from tests.edge.conftest import sha256
from tests.support.browsing import visit

if TYPE_CHECKING:
    from tests.edge.conftest import Backend, Request, Rig

# Tries everything that a page can do to another origin, and tells in its title when it is done.
ATTACK = """<!doctype html><title>busy</title><body><script>
const target = "ORIGIN";
const settle = (promise) => promise.then((value) => `got ${value}`, () => "refused");
const load = (element, attributes) => new Promise((resolve, reject) => {
  Object.assign(element, attributes, { onload: () => resolve("loaded"), onerror: reject });
  document.body.append(element);
});
const open = () => new Promise((resolve, reject) => {
  const socket = new WebSocket(target.replace("http", "ws") + "/ws");
  socket.onopen = () => resolve("opened");
  socket.onerror = reject;
});
const post = () => {
  const form = document.createElement("form");
  const frame = document.createElement("iframe");
  frame.name = "answer";
  form.action = target + "/form"; form.method = "post"; form.target = "answer";
  document.body.append(frame, form);
  return new Promise((resolve) => { frame.onload = resolve; form.submit(); });
};
(async () => {
  const mine = { credentials: "include" };
  const results = [
    await settle(fetch(target + "/cors", mine).then((answer) => answer.text())),
    await settle(fetch(target + "/put", { ...mine, method: "PUT", body: "x" })),
    await settle(open()),
    await settle(load(document.createElement("img"), { src: target + "/img" })),
    await settle(load(document.createElement("script"), { src: target + "/script" })),
  ];
  await settle(fetch(target + "/no-cors", { ...mine, mode: "no-cors", method: "POST", body: "x" }));
  await settle(load(document.createElement("iframe"), { src: target + "/frame" }));
  await post();
  document.title = results.join(" ");
})();
</script>"""

# Uses its own origin in all the ways that a task's page does.
HONEST = """<!doctype html><title>busy</title><body><script>
(async () => {
  const post = await fetch("/post", { method: "POST", body: "x" });
  const socket = new WebSocket(location.origin.replace("http", "ws") + "/ws");
  await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject; });
  const frame = document.createElement("iframe");
  frame.src = "/frame";
  await new Promise((resolve) => { frame.onload = resolve; document.body.append(frame); });
  document.title = `${post.status} ${frame.contentDocument.body.textContent} ${document.cookie}`;
})().catch((error) => { document.title = String(error); });
</script>"""


def build_html(text: str, *headers: str) -> bytes:
    head = ["HTTP/1.1 200 OK", "Content-Type: text/html", *headers, f"Content-Length: {len(text)}"]
    return ("\r\n".join(head) + "\r\n\r\n" + text).encode()


async def attack(
    rig: "Rig", backend: "Backend", hostile_backend: "Backend", browser: BrowserContext
) -> None:
    victim, hostile = await rig.open(backend.target), await rig.open(hostile_backend.target)
    backend.respond = lambda _: build_html("secret")
    text = ATTACK.replace("ORIGIN", victim.origin)
    hostile_backend.respond = lambda _: build_html(
        text, "Set-Cookie: rosetta-x=1", "Set-Cookie: a=b"
    )
    page = await browser.new_page()
    await open_in(page, victim, "/welcome")
    assert await page.text_content("body") == "secret"
    await open_in(page, hostile, "/attack")
    await page.wait_for_function("document.title !== 'busy'")
    assert await page.title() == "refused refused refused refused refused"
    await visit(page, f"{victim.origin}/again")
    assert await page.text_content("body") == "secret", "an ordinary link still works"
    assert {request.path for request in backend.requests} <= {"/welcome", "/again", "/favicon.ico"}
    assert {request.get("cookie") for request in backend.requests} == {None}
    values = {request.get("cookie") for request in hostile_backend.requests}
    assert values <= {None, "rosetta-x=1; a=b"}, "a container sees what it set itself"


async def test_page_of_another_task_gets_nothing(
    rig: "Rig", backend: "Backend", other_backend: "Backend", browser: BrowserContext
) -> None:
    await attack(rig, backend, other_backend, browser)


async def test_page_of_another_task_gets_nothing_with_tls(
    secure_rig: "Rig", backend: "Backend", other_backend: "Backend", browser: BrowserContext
) -> None:
    await attack(secure_rig, backend, other_backend, browser)


@pytest.mark.parametrize("policy", ["no-referrer", "strict-origin-when-cross-origin"])
async def test_own_page_works(
    rig: "Rig", backend: "Backend", browser: BrowserContext, policy: str
) -> None:
    def respond(request: "Request") -> bytes:
        if request.path == "/frame":
            return build_html("framed")
        cookies = ["Set-Cookie: seen=1", "Set-Cookie: hidden=2; HttpOnly"]
        return build_html(HONEST, f"Referrer-Policy: {policy}", *cookies)

    backend.respond = respond
    task = await rig.open(backend.target)
    page = await browser.new_page()
    await open_in(page, task)
    await page.wait_for_function("document.title !== 'busy'")
    assert await page.title() == "200 framed seen=1"
    posted = next(request for request in backend.requests if request.path == "/post")
    assert posted.get("cookie") == "seen=1; hidden=2"


async def test_browser_without_a_session_is_sent_away(
    rig: "Rig", backend: "Backend", other_backend: "Backend", browser: BrowserContext
) -> None:
    other_backend.respond = lambda request: build_html(request.path)
    url = f"http://localhost:{other_backend.port}/open"
    task = await rig.open(backend.target, open_url=url)
    page = await browser.new_page()
    await visit(page, f"{task.origin}/lab?x=1")
    text = await page.text_content("body") or ""
    assert re.fullmatch(r"/open\?browser=[0-9a-f]{64}&next=%2Flab%3Fx%3D1", text)
    assert backend.requests == []


async def check_ticket_of_another_browser(
    rig: "Rig", backend: "Backend", alice: BrowserContext, bob: BrowserContext
) -> None:
    """Alice asks for a ticket, and has bob's browser use it."""
    backend.respond = lambda request: build_html(f"alice's {request.path}")
    task = await rig.open(backend.target)
    page = await alice.new_page()
    await open_in(page, task, "/first")
    assert await page.text_content("body") == "alice's /first"
    names = {cookie["name"]: cookie["value"] for cookie in await alice.cookies()}
    (value,) = (names[name] for name in names if name.endswith("rosetta-browser"))
    stranger, entry = await bob.new_page(), await bob.new_page()
    await visit(stranger, await build_ticket_url(task, sha256(value), "/stranger"))
    assert await stranger.text_content("h1") == "This link can't be used"
    await open_in(entry, await rig.open(backend.target), "/bobs")
    await visit(entry, await build_ticket_url(task, sha256(value), "/known"))
    assert await entry.text_content("h1") == "This link can't be used"
    await visit(page, await build_ticket_url(task, sha256(value), "/second"))
    assert await page.text_content("body") == "alice's /second"
    paths = {request.path for request in backend.requests}
    assert paths <= {"/first", "/second", "/bobs", "/favicon.ico"}


async def test_ticket_of_another_browser_is_refused(
    rig: "Rig", backend: "Backend", browser: BrowserContext, other_browser: BrowserContext
) -> None:
    await check_ticket_of_another_browser(rig, backend, browser, other_browser)


async def test_ticket_of_another_browser_is_refused_with_tls(
    secure_rig: "Rig", backend: "Backend", browser: BrowserContext, other_browser: BrowserContext
) -> None:
    await check_ticket_of_another_browser(secure_rig, backend, browser, other_browser)


# A page of the tasks' host that wants this browser to be known by a value that it has chosen.
TOSS = """(value) => {
  const name = location.protocol === "https:" ? "__Host-Http-rosetta-browser" : "rosetta-browser";
  const secure = location.protocol === "https:" ? "; Secure" : "";
  for (const path of ["/", "/_rosetta", "/_rosetta/", "/_rosetta/open"]) {
    document.cookie = `${name}=${value}; Path=${path}; Max-Age=99999999${secure}`;
  }
}"""


async def check_tossed_cookie(rig: "Rig", backend: "Backend", browser: BrowserContext) -> None:
    """Which would make tickets good for this browser that were issued for another one."""
    backend.respond = lambda _: build_html("a page")
    hostile, task = await rig.open(backend.target), await rig.open(backend.target)
    page = await browser.new_page()
    await open_in(page, hostile)
    text = "x" * 43
    await page.evaluate(TOSS, text)
    await visit(page, await build_ticket_url(task, sha256(text)))
    assert await page.text_content("h1") == "This link can't be used"
    await open_in(page, task)
    assert await page.text_content("body") == "a page"


async def test_page_can_not_choose_who_the_browser_is(
    rig: "Rig", backend: "Backend", browser: BrowserContext
) -> None:
    await check_tossed_cookie(rig, backend, browser)


async def test_page_can_not_choose_who_the_browser_is_with_tls(
    secure_rig: "Rig", backend: "Backend", browser: BrowserContext
) -> None:
    await check_tossed_cookie(secure_rig, backend, browser)


async def test_page_sets_no_cookie_for_another_task(
    rig: "Rig", backend: "Backend", other_backend: "Backend", browser: BrowserContext
) -> None:
    """It knows the other task's id, as every container on the machine may."""
    other_backend.respond = lambda _: build_html("hostile")
    backend.respond = lambda _: build_html("a page", "Set-Cookie: app=1")
    task, hostile = await rig.open(backend.target), await rig.open(other_backend.target)
    page = await browser.new_page()
    await open_in(page, task)
    await open_in(page, hostile)
    toss = "(id) => { document.cookie = `r${id}-tossed=1`; document.cookie = 'tossed=1'; }"
    await page.evaluate(toss, task.id)
    await visit(page, f"{task.origin}/again")
    result = next(request for request in backend.requests if request.path == "/again")
    assert result.get("cookie") == "app=1"


async def test_waiting_page_opens_the_task_by_itself(
    rig: "Rig", backend: "Backend", browser: BrowserContext
) -> None:
    task = await rig.open(None)
    backend.respond = lambda _: build_html("here it is")
    page = await browser.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    await open_in(page, task)
    assert await page.text_content("h1") == "Some <software> is not answering yet"
    assert await page.get_attribute("a", "href") == task.listener.room_url
    color = await page.evaluate("getComputedStyle(document.querySelector('a')).backgroundColor")
    assert color == "rgb(13, 110, 253)", "the style sheet was refused"
    assert not [text for text in errors if "Content Security Policy" in text]
    await task.update(target=backend.target)
    await page.get_by_text("here it is").wait_for()
