"""The Software page and favourites, over HTTP."""

import re

from rosetta_hub.tasks.software_uses import SoftwareUses

from .test_api import ACCESS, Site, site

__all__ = ["site"]


async def test_the_page_tells_what_the_user_may_do(site: Site) -> None:
    response = await site.fetch("GET", "software")
    assert response.code == 200
    page = response.body.decode()
    values = dict(
        re.findall(r'data-(may-add|power|groups|registries|power-groups)="([^"]*)"', page)
    )
    assert values == {
        "may-add": "true",
        "power": "false",
        "groups": "[]",
        "registries": "[]",
        "power-groups": "[]",
    }


async def test_a_favourite_is_the_users_own_and_comes_first(site: Site) -> None:
    _, before = await site.call("GET", "api/v1/software")
    *_, last = (family["id"] for family in before["software"])
    status, answer = await site.call("PUT", f"api/v1/software/{last}/favourite", {})
    assert (status, answer) == (200, {"favourite": True})
    _, after = await site.call("GET", "api/v1/software")
    assert (after["software"][0]["id"], after["software"][0]["favourite"]) == (last, True)
    _, bobs = await site.call("GET", "api/v1/software", token="bob")
    assert not any(family["favourite"] for family in bobs["software"])
    await site.call("DELETE", f"api/v1/software/{last}/favourite")
    assert await site.call("GET", "api/v1/software") == (200, before)


async def test_software_that_nobody_sees_is_no_favourite(site: Site) -> None:
    status, answer = await site.call("PUT", "api/v1/software/none/favourite", {})
    assert (status, answer["detail"]) == (404, "There is no such software.")
    site.hub.scopes["bob"] = [ACCESS, "read:servers!user=bob"]
    status, _ = await site.call("PUT", "api/v1/software/echo/favourite", {}, token="bob")
    assert status == 403
    described = SoftwareUses(site.bench.tasks.database).describe([{"id": "echo"}], "bob")
    assert described[0]["favourite"] is False


async def test_families_tell_how_often_they_were_started(site: Site) -> None:
    site.start()
    _, answer = await site.call("GET", "api/v1/software")
    echo = next(family for family in answer["software"] if family["id"] == "echo")
    assert (echo["uses"], echo["favourite"]) == (1, False)
    assert echo["last_used"] is not None
