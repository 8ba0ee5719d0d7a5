"""The Python client, sync and async, against the whole service."""

import asyncio

import pytest

from rosetta_client import AsyncClient, Client
from rosetta_client.config import Endpoint
from rosetta_client.errors import NotFound, NotLoggedIn
from rosetta_client.models import NewTask
from tests.rights.conftest import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def endpoint(site: Site) -> Endpoint:
    """The service, with alice's token."""
    return Endpoint(f"http://127.0.0.1:{site.port}/", "alice")


async def test_pages_are_fetched_one_by_one(endpoint: Endpoint) -> None:
    async with AsyncClient(endpoint) as client:
        for number in range(3):
            await client.start_task(NewTask("echo", computing="local", name=f"t{number}"))
        names = [task.name async for task in client.iterate_tasks(limit=2)]
        assert names == ["t2", "t1", "t0", "Echo"]
        assert [task.name async for task in client.iterate_tasks(limit=1, name="t1")] == ["t1"]

    def list_them() -> list[str]:
        with Client(endpoint) as client:
            return [task.name for task in client.iterate_tasks(limit=3)]

    assert await asyncio.to_thread(list_them) == names


async def test_both_raise_the_same_errors(site: Site, endpoint: Endpoint) -> None:
    async with AsyncClient(endpoint) as client:
        with pytest.raises(NotFound, match="There is no such task"):
            await client.get_task("0" * 12)
    async with AsyncClient(Endpoint(endpoint.hub, "made-up")) as client:
        with pytest.raises(NotLoggedIn):
            await client.get_user()

    def get() -> None:
        with Client(endpoint) as client:
            client.get_task("0" * 12)

    with pytest.raises(NotFound, match="There is no such task"):
        await asyncio.to_thread(get)
