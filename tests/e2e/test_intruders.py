"""Nobody but those whom the hub lets in reaches a task, whatever their browser holds."""

import hashlib
import re
import subprocess
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser

from rosetta_agent.spec import container_name
from tests.support.browsing import visit

from .browser import chromium, log_in
from .deployment import NAVIGATION, Deployment, User, eventually

# From a page of another task: each way in which a browser can send something to a victim.
ATTACKS = {
    "fetch": "url => fetch(url, {mode: 'no-cors', credentials: 'include'}).then(() => 0, () => 0)",
    "post": "url => fetch(url, {method: 'POST', body: 'x', mode: 'no-cors',"
    " credentials: 'include'}).then(() => 0, () => 0)",
    "form": """url => new Promise(done => {
        const frame = document.createElement('iframe');
        frame.name = 'target'; frame.onload = done; document.body.append(frame);
        const form = document.createElement('form');
        form.action = url; form.method = 'post'; form.target = 'target';
        document.body.append(form); form.submit(); setTimeout(done, 2000);
    })""",
    "image": """url => new Promise(done => {
        const image = new Image(); image.onload = image.onerror = done; image.src = url;
    })""",
    "websocket": """url => new Promise(done => {
        const socket = new WebSocket(url.replace('http', 'ws'));
        socket.onopen = () => done('open'); socket.onerror = () => done('refused');
    })""",
    "frame": """url => new Promise(done => {
        const frame = document.createElement('iframe');
        frame.onload = done; frame.src = url; document.body.append(frame);
    })""",
}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    async with chromium() as browser:
        yield browser


async def running(user: User, software: str = "echo") -> dict[str, Any]:
    """A running task."""
    return await user.until((await user.start(software=software))["id"], "running")


async def test_a_second_user_and_a_logged_out_browser(
    alice: User, deployment: Deployment, browser: Browser
) -> None:
    task = await running(alice)
    url = (await alice.enter(task)).url
    for name in ("bob", None):
        context = await browser.new_context()
        page = await log_in(context, deployment, name) if name else await context.new_page()
        await visit(page, f"{url}/secret-{name}")
        assert page.url.startswith(deployment.url), "sent to the hub"
        await visit(page, f"{deployment.url}{task['open_url']}")
        assert page.url.startswith(deployment.url)
        await visit(page, f"{deployment.url}{task['page_url']}")
        assert "secret" not in await page.content()
        await context.close()
    log = (await alice.api("GET", f"tasks/{task['id']}/log")).body.decode()
    assert "secret" not in log, "no request of theirs has reached the container"


async def test_a_logout_ends_the_way_in(
    alice: User, deployment: Deployment, browser: Browser
) -> None:
    task = await running(alice)
    context = await browser.new_context()
    page = await log_in(context, deployment, "alice")
    await visit(page, f"{deployment.url}{task['open_url']}")
    url = page.url
    assert "127.0.0.1" in url
    hub = await context.new_page()
    await visit(hub, f"{deployment.url}/hub/logout")

    async def thrown_out() -> bool:
        await visit(page, url)
        return page.url.startswith(deployment.url)

    await eventually(thrown_out, "the browser is asked to log in again", 60)
    await context.close()


async def test_a_ticket_works_once(alice: User, deployment: Deployment) -> None:
    task = await running(alice)
    ticket_url, browser = await alice.ask_for_ticket(task["id"])
    headers = {**NAVIGATION, "Cookie": browser}
    first = await deployment.fetch("GET", ticket_url, headers=headers)
    assert "Set-Cookie" in first.headers
    second = await deployment.fetch("GET", ticket_url, headers=headers)
    assert "Set-Cookie" not in second.headers
    assert deployment.url in second.headers.get("Location", deployment.url)


async def test_a_ticket_of_alice_does_not_let_bob_in(
    alice: User, deployment: Deployment, browser: Browser
) -> None:
    """Else bob would work inside of alice's task without a notice."""
    task = await running(alice)
    contexts = [await browser.new_context() for _ in range(2)]
    page = await log_in(contexts[0], deployment, "alice")
    await visit(page, f"{deployment.url}{task['open_url']}")
    task_url = page.url
    (cookie,) = (
        item
        for item in await contexts[0].cookies(f"{task_url}_rosetta/open")
        if item["name"] == "rosetta-browser"
    )
    query = f"browser={hashlib.sha256(cookie['value'].encode()).hexdigest()}"
    issued = await deployment.fetch("GET", f"{task['open_url']}?{query}", alice.token)
    bobs = await log_in(contexts[1], deployment, "bob")
    await visit(bobs, issued.headers["Location"])
    assert "can't be used" in await bobs.inner_text("h1")
    await visit(bobs, task_url)
    assert bobs.url.startswith(deployment.url), "sent to the hub, which knows bob"
    for context in contexts:
        await context.close()


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_page_of_another_task(
    alice: User, deployment: Deployment, browser: Browser, attack: str
) -> None:
    """Both tasks are alice's, so her browser holds the cookies of both."""
    evil, victim = await running(alice), await running(alice)
    context = await browser.new_context()
    page = await log_in(context, deployment, "alice")
    await visit(page, f"{deployment.url}{victim['open_url']}")
    victim_url = page.url
    await visit(page, f"{victim_url}allowed")
    await visit(page, f"{deployment.url}{evil['open_url']}")
    result = await page.evaluate(ATTACKS[attack], f"{victim_url}attack")
    assert result != "open"
    await context.close()

    async def log() -> str:
        text = (await alice.api("GET", f"tasks/{victim['id']}/log")).body.decode()
        return text if "/allowed" in text else ""

    assert "/attack" not in await eventually(log, "the victim logs what reaches it")


async def test_a_container_sees_no_cookie_or_token_but_its_own(
    alice: User, deployment: Deployment, browser: Browser
) -> None:
    first, second = await running(alice), await running(alice, "jupyter")
    context = await browser.new_context()
    page = await log_in(context, deployment, "alice")
    await visit(page, f"{deployment.url}{second['open_url']}")
    await page.wait_for_load_state()
    await visit(page, f"{deployment.url}{first['open_url']}")
    result = await page.inner_text("body")
    await context.add_cookies([{"name": "tossed", "value": "1", "url": page.url}])
    await visit(page, page.url)
    result += await page.inner_text("body")
    cookies = await context.cookies()
    assert len(cookies) > 4, "there is something to leak"
    for cookie in cookies:
        assert f"{cookie['name']}=" not in result
        # The edge's note of whose port it is holds the task's id, which is the container's name.
        public = ("tossed", "rosetta-port-")
        assert cookie["name"].startswith(public) or cookie["value"] not in result, cookie["name"]
    assert "tossed" not in result
    assert deployment.admin_token not in result
    assert "JUPYTERHUB" not in result
    await context.close()


@pytest.mark.parametrize("engine", ["docker", "podman"])
async def test_a_container_does_not_reach_its_neighbour(
    alice: User, bob: User, engine: str
) -> None:
    """The edge guards the way from outside; inside, the engines' networks must part the tasks."""
    victim = await bob.start(software="open", engine=engine)
    spy = await alice.start(software="open", engine=engine)
    await bob.until(victim["id"], "running")
    await alice.until(spy["id"], "running")
    name, other = (container_name(task["id"], 1) for task in (spy, victim))
    look = [engine, "inspect", "--format", "{{json .NetworkSettings}}", other]
    stdout = subprocess.run(look, capture_output=True, text=True, check=True).stdout
    addresses = set(re.findall(r'"IPAddress": ?"([0-9.]+)"', stdout))
    # Podman's containers have no address outside; 10.0.2.2 is the machine, as slirp4netns shows it.
    for address in addresses or {"10.0.2.2"}:
        code = f"import socket; socket.create_connection(('{address}', 8888), 3)"
        process = subprocess.run([engine, "exec", name, "python3", "-c", code], capture_output=True)
        assert process.returncode != 0, f"{address} answers"
    # What the engine's DNS calls the neighbour does not tell which task it is.
    for address in addresses:
        code = f"import socket; print(socket.gethostbyaddr('{address}'))"
        process = subprocess.run([engine, "exec", name, "python3", "-c", code], capture_output=True)
        assert victim["id"].encode() not in process.stdout
    itself = "import socket; socket.create_connection(('127.0.0.1', 8888), 3)"
    subprocess.run([engine, "exec", name, "python3", "-c", itself], check=True)
