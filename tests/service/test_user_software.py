"""Users' software over HTTP: whose it is, what may be set, and two edits at once."""

import json
from typing import Any

import pytest

from rosetta_hub.agents.spec import software_of
from rosetta_hub.software.settings import UserSoftwareRules

from .test_api import CREATED, Site, scopes_of
from .test_api import site as site

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

APP = {"name": "App", "image_name": "ghcr.io/team/app", "image_tag": "1"}
TEAM = {"kind": "group", "name": "team"}
ABSENT = "There is no such software of yours or of your groups. It may have been deleted."


@pytest.fixture
def grouped(site: Site) -> Site:
    """Alice and carol are in the group team, pat in staff (power users), root is an admin."""
    for name in ("carol", "pat", "root"):
        site.hub.scopes[name] = scopes_of(name)
    site.hub.groups |= {"alice": ["team"], "carol": ["team"], "pat": ["staff"]}
    site.hub.admins.add("root")
    site.library.rules = UserSoftwareRules(power_groups=frozenset({"staff"}))
    return site


async def add(site: Site, token: str = "alice", **entry: Any) -> dict[str, Any]:
    """Software of somebody, as it was answered."""
    status, version = await site.call("POST", "api/v1/software", APP | entry, token)
    assert status == 201, version
    return dict(version)


async def put(
    site: Site, version: dict[str, Any], entry: dict[str, Any], token: str = "alice"
) -> tuple[int, Any]:
    """An edit of a version as it was read."""
    headers = {"If-Match": f'"{version["revision"]}"'}
    return await site.call(
        "PUT", f"api/v1/software/versions/{version['id']}", entry, token, headers
    )


async def families(site: Site, token: str = "alice") -> dict[str, Any]:
    """The families that users have added, as somebody sees them."""
    status, answer = await site.call("GET", "api/v1/software", token=token)
    assert status == 200
    return {family["id"]: family for family in answer["software"] if family["editable"]}


async def test_software_of_a_user_is_the_users_alone(grouped: Site) -> None:
    version = await add(grouped)
    family = (await families(grouped))[version["family"]]
    assert family["owner"] == {"kind": "user", "name": "alice"}
    (view,) = family["versions"]
    assert (view["id"], view["revision"], view["refused"]) == (version["id"], 1, None)
    assert view["image"] == "ghcr.io/team/app:1"
    address = f"api/v1/software/versions/{version['id']}"
    for other in ("bob", "carol", "root"):
        assert await families(grouped, other) == {}
        for method, path in [
            ("GET", address),
            ("PUT", address),
            ("DELETE", address),
            ("POST", f"{address}/duplicate"),
            ("DELETE", f"api/v1/software/{version['family']}"),
            ("POST", f"api/v1/software/{version['family']}/duplicate"),
        ]:
            for headers in ({"If-Match": '"1"'}, {}):
                answer = await grouped.call(method, path, {}, other, headers)
                assert answer[0] == 404, (other, method, path, answer)
        status, answer = await grouped.call(
            "POST", "api/v1/tasks", {"software": version["family"]}, other
        )
        assert (status, answer["detail"][:20]) == (422, "There is no software")
    response = await grouped.fetch("GET", address)
    assert (json.loads(response.body), response.headers["ETag"]) == (version, '"1"')


async def test_a_group_is_no_user_of_its_name(grouped: Site) -> None:
    grouped.hub.groups |= {"carol": ["alice"], "alice": ["team", "bob"]}
    await add(grouped)
    assert await families(grouped, "carol") == {}
    await add(grouped, name="Shared", owner={"kind": "group", "name": "bob"})
    assert await families(grouped, "bob") == {}


async def test_members_of_a_group_use_edit_and_delete_what_it_has(grouped: Site) -> None:
    version = await add(grouped, owner=TEAM)
    assert version["owner"] == TEAM
    assert await families(grouped, "bob") == await families(grouped, "root") == {}
    assert list(await families(grouped, "carol")) == [version["family"]]
    status, changed = await put(grouped, version, APP | {"description": "Ours"}, "carol")
    assert (status, changed["updated_by"], changed["revision"]) == (200, "carol", 2)
    grouped.hub.groups["carol"] = []
    assert await families(grouped, "carol") == {}
    assert (await put(grouped, changed, APP, "carol"))[0] == 404
    grouped.hub.groups["carol"] = ["team"]
    answer = await grouped.call("DELETE", f"api/v1/software/{version['family']}", token="carol")
    assert answer == (204, None)
    assert await families(grouped) == {}


async def test_software_is_not_given_to_others(grouped: Site) -> None:
    for owner in ({"kind": "group", "name": "staff"}, {"kind": "user", "name": "bob"}):
        status, answer = await grouped.call("POST", "api/v1/software", APP | {"owner": owner})
        assert (status, answer["detail"]) == (
            422,
            "Software is yours, or shared with one of your groups. Your groups: team.",
        )
    version = await add(grouped)
    status, answer = await put(grouped, version, APP | {"owner": TEAM})
    assert (status, answer["detail"][:26]) == (422, "Software keeps its owner. ")


async def test_the_second_of_two_edits_is_told_and_not_stored(grouped: Site) -> None:
    version = await add(grouped, owner=TEAM)
    assert (await put(grouped, version, APP | {"description": "First"}, "carol"))[0] == 200
    status, answer = await put(grouped, version, APP | {"description": "Second"})
    assert status == 412
    assert answer["detail"].startswith("App was changed by carol meanwhile (")
    assert answer["version"]["entry"]["description"] == "First"
    assert answer["version"]["revision"] == 2
    path = f"api/v1/software/versions/{version['id']}"
    assert (await grouped.call("DELETE", path, headers={"If-Match": '"1"'}))[0] == 412
    assert (await grouped.call("GET", path))[1] == answer["version"]
    status, answer = await put(grouped, answer["version"], APP | {"description": "Second"})
    assert (status, answer["entry"]["description"]) == (200, "Second")


@pytest.mark.parametrize("tag", [None, "*", "1", 'W/"x"', '"1", "2"', '"-1"', '"01"'])
async def test_an_edit_says_what_it_is_based_on(grouped: Site, tag: str | None) -> None:
    version = await add(grouped)
    headers = {} if tag is None else {"If-Match": tag}
    path = f"api/v1/software/versions/{version['id']}"
    for method in ("PUT", "DELETE"):
        status, answer = await grouped.call(method, path, APP, headers=headers)
        assert (status, "If-Match" in answer["detail"]) == (428, True)


async def start(
    site: Site, family_id: str, user: str = "alice", server: str = "one", **options: Any
) -> tuple[int, Any]:
    """A start, as the hub's spawner asks for it."""
    groups = site.hub.groups.get(user, [])
    body = {"options": {"software": family_id, **options}, "created": CREATED, "groups": groups}
    path, key = f"hub/tasks/{user}/{server}", site.bench.keys.spawner_key
    return await site.call("PUT", path, body, key)


async def test_what_runs_goes_on_when_its_software_changes_and_goes(grouped: Site) -> None:
    version = await add(grouped, owner=TEAM)
    status, record = await start(grouped, version["family"], "carol")
    assert status == 201
    assert (await put(grouped, version, APP | {"image_tag": "2"}))[0] == 200
    grouped.hub.groups["carol"] = []
    assert (await grouped.call("DELETE", f"api/v1/software/{version['family']}"))[0] == 204
    task = grouped.bench.tasks.find(record["id"])
    assert (task.state.value, task.desired_state.value) == ("queued", "run")
    assert software_of(task).image == "ghcr.io/team/app:1"
    status, answer = await start(grouped, version["family"], "carol", "two")
    assert (status, answer["detail"][:20]) == (422, "There is no software")


# --- the hub's form -------------------------------------------------------------------------------


async def ask(site: Site, method: str, user: str, **body: Any) -> tuple[int, Any]:
    """What the hub's form asks for a user."""
    body = {"groups": site.hub.groups.get(user, []), "created": CREATED} | body
    return await site.call(method, f"hub/software/{user}", body, site.bench.keys.spawner_key)


async def test_the_form_is_told_the_software_of_the_user(grouped: Site) -> None:
    own, shared = await add(grouped), await add(grouped, "carol", name="Shared", owner=TEAM)
    status, answer = await ask(grouped, "PUT", "alice")
    assert status == 200
    assert answer == (await grouped.call("GET", "api/v1/software"))[1]
    assert [family["id"] for family in answer["software"]] == [
        "echo",
        own["family"],
        shared["family"],
    ]
    assert [version["id"] for version in (await ask(grouped, "PUT", "bob"))[1]["software"]] == [
        "echo"
    ]
    # No other name than that in the address counts, and no user may ask.
    assert (await grouped.call("PUT", "hub/software/alice", {}))[0] == 403


async def test_options_of_the_form_are_checked(grouped: Site) -> None:
    family_id = (await add(grouped))["family"]
    assert await ask(grouped, "POST", "alice", options={"software": family_id}) == (200, {})
    status, answer = await ask(
        grouped, "POST", "alice", options={"software": family_id, "memory": "1K"}
    )
    assert (status, answer["detail"]) == (422, "A task needs at least 16 MB of memory.")
    assert (await ask(grouped, "POST", "bob", options={"software": family_id}))[0] == 422
    assert grouped.bench.tasks.all() == []
