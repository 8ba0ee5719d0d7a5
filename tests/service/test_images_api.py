"""`api/v1/images` over HTTP."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from rosetta_hub.registries.lookup import MOST_OF_USER
from tests.registries.fake_registry import FakeRegistry, _Handler

from .test_api import Site, site

__all__ = ["site"]


@pytest.fixture
async def registry(site: Site) -> AsyncIterator[FakeRegistry]:
    """A registry that the site has configured."""
    registry = FakeRegistry()
    server = registry.listen()
    site.lookup.client = registry.client()
    site.library.rules = site.library.rules.with_site_hosts([registry.host])
    yield registry
    server.stop()
    await server.close_all_connections()


async def test_an_image_is_looked_up(site: Site, registry: FakeRegistry) -> None:
    digest = registry.index("arm64", "amd64")
    image = f"{registry.host}/org/app:1.2"
    status, answer = await site.call("GET", f"api/v1/images?image={image}")
    assert status == 200
    archs = [(arch["os"], arch["arch"]) for arch in answer["archs"]]
    assert archs == [("linux", "arm64"), ("linux", "amd64")]
    assert answer["size"] == answer["archs"][1]["size"] > 1000
    named = {key: answer[key] for key in ("image", "registry", "image_name", "image_tag", "digest")}
    assert named == {
        "image": image,
        "registry": registry.host,
        "image_name": "org/app",
        "image_tag": "1.2",
        "digest": digest,
    }
    assert (answer["tags"], answer["problems"]) == (["1.2"], [])


async def test_a_refusal_has_a_word_for_programs(site: Site, registry: FakeRegistry) -> None:
    status, answer = await site.call("GET", f"api/v1/images?image={registry.host}/org/none")
    assert (status, answer["reason"]) == (404, "not_found")
    assert "org/none" in answer["detail"]
    status, answer = await site.call("GET", "api/v1/images?image=%3Cimg+src%3Dx%3E")
    assert (status, answer["reason"]) == (422, "invalid_reference")
    status, answer = await site.call("GET", "api/v1/images")
    assert (status, answer["errors"][0]["pointer"]) == (422, "/query/image")


async def test_the_end_of_a_limit_of_pulls_is_told(site: Site, registry: FakeRegistry) -> None:
    def limited(handler: _Handler) -> None:
        handler.set_status(429)
        handler.set_header("Retry-After", "3600")
        handler.finish({"errors": [{"code": "TOOMANYREQUESTS"}]})

    registry.answers["/v2/"] = limited
    status, answer = await site.call("GET", f"api/v1/images?image={registry.host}/org/app")
    assert (status, answer["reason"]) == (429, "pull_limit")
    assert answer["until"].endswith("+00:00")


async def test_nobody_looks_up_without_a_login(site: Site, registry: FakeRegistry) -> None:
    response = await site.fetch("GET", f"api/v1/images?image={registry.host}/org/app", token="")
    assert response.code == 403
    assert registry.requests == []


async def test_slow_lookups_of_one_user_are_bounded(site: Site, registry: FakeRegistry) -> None:
    registry.image()
    go_on = asyncio.Event()

    async def slow(handler: _Handler) -> None:
        await go_on.wait()
        handler.serve()

    registry.answers["/v2/"] = slow
    path = f"api/v1/images?image={registry.host}/org/app:1.2"
    waiting = [asyncio.create_task(site.call("GET", path)) for _ in range(MOST_OF_USER)]
    async with asyncio.timeout(10):
        while len(registry.requests) < MOST_OF_USER:
            await asyncio.sleep(0.01)
    status, answer = await site.call("GET", path)
    assert (status, answer["reason"]) == (429, "busy")
    other = asyncio.create_task(site.call("GET", path, token="bob"))
    go_on.set()
    assert [status for status, _ in await asyncio.gather(*waiting, other)] == [200] * 5
