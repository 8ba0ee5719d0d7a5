"""`api/v1/software/<family>/updates` over HTTP: which tags have moved."""

from typing import Any

from tests.registries.fake_registry import FakeRegistry, _Handler

from .test_api import Site, site
from .test_images_api import registry

__all__ = ["registry", "site"]


async def add(site: Site, registry: FakeRegistry, tag: str, digest: str | None) -> str:
    """A version of alice's; returns its family."""
    entry = {"name": "App", "registry": registry.host, "image_name": "org/app", "image_tag": tag}
    status, version = await site.call("POST", "api/v1/software", entry | {"digest": digest})
    assert status == 201, version
    return str(version["family"])


async def updates(site: Site, family_id: str, token: str = "alice") -> tuple[int, Any]:
    status, answer = await site.call("GET", f"api/v1/software/{family_id}/updates", token=token)
    return status, {
        update["version"]: update for update in answer["updates"]
    } if status == 200 else answer


async def test_a_tag_that_has_moved_is_told(site: Site, registry: FakeRegistry) -> None:
    first, same = registry.image(tag="1.2"), registry.image(tag="2.0", arch="arm64")
    family_id = await add(site, registry, "1.2", first)
    await add(site, registry, "2.0", same)
    await add(site, registry, "3.0", None)
    moved = registry.image(tag="1.2", config={"Labels": {"new": "yes"}})
    status, result = await updates(site, family_id)
    assert (status, sorted(result)) == (200, ["1.2", "2.0"])
    assert result["1.2"] == {
        "version": "1.2",
        "recorded": first,
        "present": moved,
        "problem": None,
        "moved": True,
    }
    assert (result["2.0"]["present"], result["2.0"]["moved"]) == (same, False)


async def test_a_digest_that_counts_is_compared_with_its_tag(
    site: Site, registry: FakeRegistry
) -> None:
    pinned = registry.image(tag="1.2")
    entry = {"name": "App", "registry": registry.host, "image_name": "org/app"}
    entry |= {"image_tag": "1.2", "image_digest": pinned}
    _, version = await site.call("POST", "api/v1/software", entry)
    moved = registry.image(tag="1.2", config={"Labels": {"new": "yes"}})
    _, result = await updates(site, version["family"])
    assert (result["1.2"]["recorded"], result["1.2"]["present"]) == (pinned, moved)


async def test_a_tag_that_is_gone_does_not_hide_the_others(
    site: Site, registry: FakeRegistry
) -> None:
    digest = registry.image(tag="1.2")
    family_id = await add(site, registry, "1.2", digest)
    await add(site, registry, "gone", digest)
    _, result = await updates(site, family_id)
    assert (result["1.2"]["moved"], result["gone"]["moved"]) == (False, False)
    assert "gone" in result["gone"]["problem"]


async def test_others_see_no_updates(site: Site, registry: FakeRegistry) -> None:
    family_id = await add(site, registry, "1.2", registry.image(tag="1.2"))
    status, answer = await updates(site, family_id, token="bob")
    assert (status, answer["detail"]) == (404, "There is no such software.")


async def test_private_images_are_asked_about_with_the_users_account(
    site: Site, registry: FakeRegistry
) -> None:
    family_id = await add(site, registry, "1.2", registry.image(tag="1.2"))

    def guarded(handler: _Handler) -> None:
        # alice:secret
        if handler.request.headers.get("Authorization") == "Basic YWxpY2U6c2VjcmV0":
            handler.serve()
        else:
            handler.set_header("WWW-Authenticate", "Basic realm=here")
            handler.set_status(401)
            handler.finish()

    registry.answers["/v2/"] = guarded
    _, result = await updates(site, family_id)
    assert "wants a login" in result["1.2"]["problem"]
    assert site.credentials is not None
    site.credentials.set("alice", registry.host, "alice", "secret")
    _, result = await updates(site, family_id)
    assert (result["1.2"]["problem"], result["1.2"]["moved"]) == (None, False)
