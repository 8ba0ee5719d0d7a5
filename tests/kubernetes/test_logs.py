"""Logs of pods, while somebody looks at them."""

import asyncio

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from tests.e2e.deployment import User

from .cluster import KubernetesCluster
from .test_life import start

pytestmark = pytest.mark.timeout(240)


class Watched:
    """The news of a task as its page gets them, until they hold a text."""

    def __init__(self, user: User, task_id: str) -> None:
        self._client = AsyncHTTPClient(force_instance=True)
        self._heard = b""
        self._changed = asyncio.Event()
        self._request = HTTPRequest(
            f"{user.deployment.url}/services/rosetta/api/v1/events?task={task_id}",
            headers={"Authorization": f"token {user.token}"},
            streaming_callback=self._take,
            request_timeout=120,
        )

    def _take(self, data: bytes) -> None:
        self._heard += data
        self._changed.set()

    async def until(self, text: str) -> None:
        """Return as soon as they hold the text."""
        fetched = asyncio.ensure_future(self._client.fetch(self._request, raise_error=False))
        try:
            async with asyncio.timeout(30):
                while text.encode() not in self._heard:
                    self._changed.clear()
                    await self._changed.wait()
        finally:
            self._client.close()
            fetched.cancel()


@pytest.mark.any_cluster
async def test_an_open_page_shows_what_a_task_writes(
    alice: User, cluster: KubernetesCluster
) -> None:
    task = await start(alice)
    opened = await alice.enter(task)
    # Without a page, it would be read within a minute.
    watched = asyncio.ensure_future(Watched(alice, task["id"]).until("heard by the page"))
    await opened.get("/say?text=heard+by+the+page")
    await watched
    log = (await alice.api("GET", f"tasks/{task['id']}/log")).body.decode().splitlines()
    assert log == ["serving on 8888", "heard by the page"]
