"""`api/v1/events`: what there is comes first, unless the page asks for changes alone."""

import asyncio

import pytest
from tornado.httpclient import AsyncHTTPClient

from tests.support.starting import start_task

from .conftest import ALICE
from .test_api import PREFIX, Site
from .test_api import site as site

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
# Seconds.
TIMEOUT = 20


async def first_task(site: Site, query: str) -> str:
    """The first event about a task on a new stream; another task is started once it is open."""
    queue: asyncio.Queue[str] = asyncio.Queue()

    def hear(chunk: bytes) -> None:
        queue.put_nowait(chunk.decode())

    client = AsyncHTTPClient(force_instance=True)
    url = f"http://127.0.0.1:{site.port}{PREFIX}api/v1/events{query}"
    headers = {"Authorization": "token alice"}
    stream = asyncio.ensure_future(client.fetch(url, headers=headers, streaming_callback=hear))
    text = ""
    async with asyncio.timeout(TIMEOUT):
        while ": connected" not in text:
            text += await queue.get()
        start_task(site.bench.tasks, "second", {"software": "echo"}, ALICE)
        while "event: task" not in text or not text.endswith("\n\n"):
            text += await queue.get()
    client.close()
    stream.cancel()
    return text.partition("event: task")[2].partition("event: task")[0]


@pytest.mark.parametrize(("query", "server"), [("", "first"), ("?changes=1", "second")])
async def test_what_is_told_first(site: Site, query: str, server: str) -> None:
    start_task(site.bench.tasks, "first", {"software": "echo"}, ALICE)
    assert f'"server_name": "{server}"' in await first_task(site, query)
