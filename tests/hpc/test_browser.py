"""A user of a cluster, in a browser and at a mailbox: key, form, queue, mail, inside, stop."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.e2e.browser import (
    chromium,
    click_changes_the_screen,
    keep_picture,
    log_in,
    run_a_cell,
)
from tests.e2e.deployment import Deployment, eventually
from tests.mail.server import PASSWORD, USER, Arrived, Mailbox, serve
from tests.support.browsing import visit
from tests.support.certificates import make_pem
from tests.support.cluster import Cluster, wait_until
from tests.support.ports import free_port

from .cluster_user import ClusterUser
from .hub import EXTRA, JUPYTER, TINY, Hub, check_gone, slurm_resource
from .spying import secrets_of, spy
from .steps import shows

pytestmark = pytest.mark.asyncio(loop_scope="session")

DESKTOP = {
    "registry": "registry:5000",
    "image_name": "rosetta/minimaldesktop",
    "image_tag": "0.1.0",
    "interface_auth": "basic",
    "interface_port": 8590,
    "supports_interface_auth": True,
    "supports_custom_interface_port": True,
    "answer_timeout": 300,
}
# Says who it is, on a port that cannot be changed and on the loopback address alone.
SIGNED = (
    "mkdir -p /tmp/www && cat /proc/sys/kernel/random/uuid >/tmp/www/index.html"
    " && exec httpd -f -p 127.0.0.1:8787 -h /tmp/www"
)
FIXED = {
    **TINY,
    "command": ["sh", "-c", SIGNED],
    "interface_port": 8787,
    "supports_custom_interface_port": False,
}
SOFTWARE = [
    {
        "id": "jupyter",
        "name": "Jupyter Notebook",
        "description": "JupyterLab with NumPy and Matplotlib.",
        **JUPYTER,
    },
    {
        "id": "desktop",
        "name": "Minimal desktop",
        "description": "A small remote desktop in the browser: Fluxbox and a terminal.",
        **DESKTOP,
    },
    {
        "id": "fixed",
        "name": "Signature",
        "description": "A page that is never the same.",
        **FIXED,
    },
]
MAIL = """
c.Rosetta.smtp_host = "127.0.0.1"
c.Rosetta.smtp_port = {port}
c.Rosetta.smtp_user = "{user}"
c.Rosetta.smtp_password_file = "{password}"
c.Rosetta.mail_from = "Rosetta Hub <hub@example.org>"
c.Rosetta.mail_after = 0
"""


@dataclass
class Site:
    """A hub in front of a cluster, and the mailbox of its users."""

    hub: Hub
    mailbox: Mailbox

    async def mail(self, address: str, subject: str) -> Arrived:
        """The mail to that address whose subject has these words, once it has come."""

        async def found() -> Arrived | None:
            to_address = [mail for mail in self.mailbox.mails if mail.recipients == [address]]
            mails = [item for item in to_address if subject in str(item.message["Subject"])]
            return mails[0] if mails else None

        return await eventually(found, f"a mail to {address}", 200)


def make_deployment(directory: Path, cluster: Cluster, smtp_port: int) -> Deployment:
    """A hub that sends mails."""
    password = directory / "password"
    password.write_text(PASSWORD)
    extra = EXTRA.format(address=cluster.hub_address, dial=free_port())
    extra += MAIL.format(port=smtp_port, user=USER, password=password)
    return Deployment(directory, SOFTWARE, [slurm_resource(cluster)], extra=extra)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A running hub and a mail server, which wants STARTTLS and a password."""
    directory, mailbox = tmp_path_factory.mktemp("site"), Mailbox()
    certificate = make_pem(directory)
    async with serve(mailbox, certificate) as port:
        deployment = make_deployment(directory, cluster, port)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SSL_CERT_FILE", str(certificate))
            try:
                await deployment.start()
                yield Site(Hub(deployment, cluster), mailbox)
            finally:
                await deployment.stop()
    await asyncio.to_thread(shutil.rmtree, directory)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    async with chromium() as browser:
        yield browser


@contextlib.asynccontextmanager
async def logged_in(site: Site, browser: Browser, name: str) -> AsyncIterator[ClusterUser]:
    """A user in a browser of their own; their tasks are gone afterwards."""
    user = await site.hub.deployment.user(name)
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    try:
        yield ClusterUser(user, context, await log_in(context, site.hub.deployment, name))
    finally:
        await context.close()
        await user.clean()


@contextlib.contextmanager
def crowded(cluster: Cluster, user: str) -> Iterator[Callable[[], None]]:
    """All nodes are this user's for twenty minutes, or until what is given is called."""
    argv = ["sbatch", "--parsable", "--partition=main", "--nodes=2", "--exclusive", "--mem=0"]
    argv += ["--time=20", "--output=/dev/null", "--wrap=sleep 1200"]
    job = cluster.run("login", argv, user).strip()

    def runs() -> bool:
        return "JobState=RUNNING" in cluster.scontrol("show", "job", job)

    def leave() -> None:
        cluster.run("controller", ["scancel", "--quiet", job])

    try:
        wait_until(runs, 60, "the job that fills the cluster runs")
        yield leave
    finally:
        leave()


async def ask_for_the_node(page: Page, node: str) -> None:
    """A cell says on which machine it runs."""
    code = "import socket; print('at ' + socket.gethostname())"
    await run_a_cell(page, code, f"at {node}")


async def use_the_desktop(page: Page, _node: str) -> None:
    """A click changes the picture."""
    await click_changes_the_screen(page)


INSIDE: dict[str, Callable[[Page, str], Awaitable[None]]] = {
    "jupyter": ask_for_the_node,
    "desktop": use_the_desktop,
}


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("name", "software", "other"), [("alice", "jupyter", "bob"), ("bob", "desktop", "alice")]
)
async def test_a_user_of_the_cluster(
    site: Site, browser: Browser, name: str, software: str, other: str
) -> None:
    cluster, address = site.hub.cluster, f"{name}@example.org"
    async with logged_in(site, browser, name) as cluster_user:
        line = await cluster_user.make_key(name)
        assert "does not accept the key" in await cluster_user.test_key("Refused")
        cluster.authorize(name, line)
        await cluster_user.test_key("Works")
        await cluster_user.give_address(address)
        await cluster_user.confirm_address((await site.mail(address, "Confirm")).message)
        with crowded(cluster, other) as make_room:
            await cluster_user.choose_size(software, "Large")
            await keep_picture(cluster_user.page, f"form-{software}")
            task_id = await cluster_user.start()
            await cluster_user.sees(
                "Waits for 32 free cores in main", "Expected", f"A mail to {address}"
            )
            await keep_picture(cluster_user.page, f"waiting-{software}")
            await cluster_user.page.goto("about:blank")  # who waits in a queue does something else
            make_room()
            mail = await site.mail(address, "is running")
        assert mail.encrypted
        task = await shows(cluster_user.user, {"id": task_id}, lambda view: view["open_url"])
        inside = await cluster_user.follow(mail.message)
        await INSIDE[software](inside, task["job"]["node"])
        await keep_picture(inside, f"inside-{software}")
        await cluster_user.stop(task_id)
        await check_gone(site.hub, task)


async def start_signed(cluster_user: ClusterUser, hub: Hub) -> tuple[str, dict[str, Any]]:
    """Start the software with the fixed port on the one node of a partition, by the form.

    Returns what its page says, and the task.
    """
    await hub.member(cluster_user.user.name, "cluster")
    await cluster_user.choose_partition("fixed", "gpu")
    task_id = await cluster_user.start()
    signature = await cluster_user.inside()
    return signature.strip(), await cluster_user.user.until(task_id, "running")


@pytest.mark.timeout(240)
async def test_two_users_with_the_same_port_on_one_node(site: Site, browser: Browser) -> None:
    """Each is in the own task, and finds no way to the other's from the node."""
    async with logged_in(site, browser, "alice") as alice, logged_in(site, browser, "bob") as bob:
        mine, mine_task = await start_signed(alice, site.hub)
        theirs, their_task = await start_signed(bob, site.hub)
        assert mine_task["job"]["node"] == their_task["job"]["node"] == "node2"
        assert len(mine) == len(theirs) == 36
        assert mine != theirs
        await visit(alice.page, alice.page.url)
        assert await alice.inside() == mine
        assert mine_task["warnings"] == their_task["warnings"] == []
        await check_apart(site, "alice", theirs, their_task)
        await check_apart(site, "bob", mine, mine_task)


async def check_apart(site: Site, spying: str, signature: str, task: dict[str, Any]) -> None:
    """This account finds neither a way to that task nor a secret of it; the owner finds a way."""
    cluster, node = site.hub.cluster, task["job"]["node"]
    result = secrets_of(site.hub, task)
    value = await spy(cluster, node, spying, result)
    assert str(FIXED["interface_port"]) not in value.ports, "it is in a network of its own"
    assert signature not in value.said()
    assert value.files == []
    assert signature in (await spy(cluster, node, task["user"], result)).said()
