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
def people(site: Site) -> Site:
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


async def test_software_of_a_user_is_the_users_alone(people: Site) -> None:
    version = await add(people)
    family = (await families(people))[version["family"]]
    assert family["owner"] == {"kind": "user", "name": "alice"}
    (shown,) = family["versions"]
    assert (shown["id"], shown["revision"], shown["refused"]) == (version["id"], 1, None)
    assert shown["image"] == "ghcr.io/team/app:1"
    address = f"api/v1/software/versions/{version['id']}"
    for other in ("bob", "carol", "root"):
        assert await families(people, other) == {}
        for method, path in [
            ("GET", address),
            ("PUT", address),
            ("DELETE", address),
            ("POST", f"{address}/duplicate"),
            ("DELETE", f"api/v1/software/{version['family']}"),
            ("POST", f"api/v1/software/{version['family']}/duplicate"),
        ]:
            for headers in ({"If-Match": '"1"'}, {}):
                answer = await people.call(method, path, {}, other, headers)
                assert answer[0] == 404, (other, method, path, answer)
        status, answer = await people.call(
            "POST", "api/v1/tasks", {"software": version["family"]}, other
        )
        assert (status, answer["detail"][:20]) == (422, "There is no software")
    response = await people.fetch("GET", address)
    assert (json.loads(response.body), response.headers["ETag"]) == (version, '"1"')


async def test_a_group_is_no_user_of_its_name(people: Site) -> None:
    people.hub.groups |= {"carol": ["alice"], "alice": ["team", "bob"]}
    await add(people)
    assert await families(people, "carol") == {}
    await add(people, name="Shared", owner={"kind": "group", "name": "bob"})
    assert await families(people, "bob") == {}


async def test_members_of_a_group_use_edit_and_delete_what_it_has(people: Site) -> None:
    version = await add(people, owner=TEAM)
    assert version["owner"] == TEAM
    assert await families(people, "bob") == await families(people, "root") == {}
    assert list(await families(people, "carol")) == [version["family"]]
    status, changed = await put(people, version, APP | {"description": "Ours"}, "carol")
    assert (status, changed["updated_by"], changed["revision"]) == (200, "carol", 2)
    people.hub.groups["carol"] = []
    assert await families(people, "carol") == {}
    assert (await put(people, changed, APP, "carol"))[0] == 404
    people.hub.groups["carol"] = ["team"]
    answer = await people.call("DELETE", f"api/v1/software/{version['family']}", token="carol")
    assert answer == (204, None)
    assert await families(people) == {}


async def test_software_is_not_given_to_others(people: Site) -> None:
    for owner in ({"kind": "group", "name": "staff"}, {"kind": "user", "name": "bob"}):
        status, answer = await people.call("POST", "api/v1/software", APP | {"owner": owner})
        assert (status, answer["detail"]) == (
            422,
            "Software is yours, or shared with one of your groups. Your groups: team.",
        )
    version = await add(people)
    status, answer = await put(people, version, APP | {"owner": TEAM})
    assert (status, answer["detail"][:26]) == (422, "Software keeps its owner. ")


async def test_the_second_of_two_edits_is_told_and_not_stored(people: Site) -> None:
    version = await add(people, owner=TEAM)
    assert (await put(people, version, APP | {"description": "First"}, "carol"))[0] == 200
    status, answer = await put(people, version, APP | {"description": "Second"})
    assert status == 412
    assert answer["detail"].startswith("App was changed by carol meanwhile (")
    assert answer["version"]["entry"]["description"] == "First"
    assert answer["version"]["revision"] == 2
    path = f"api/v1/software/versions/{version['id']}"
    assert (await people.call("DELETE", path, headers={"If-Match": '"1"'}))[0] == 412
    assert (await people.call("GET", path))[1] == answer["version"]
    status, answer = await put(people, answer["version"], APP | {"description": "Second"})
    assert (status, answer["entry"]["description"]) == (200, "Second")


@pytest.mark.parametrize("tag", [None, "*", "1", 'W/"x"', '"1", "2"', '"-1"', '"01"'])
async def test_an_edit_says_what_it_is_based_on(people: Site, tag: str | None) -> None:
    version = await add(people)
    headers = {} if tag is None else {"If-Match": tag}
    path = f"api/v1/software/versions/{version['id']}"
    for method in ("PUT", "DELETE"):
        status, answer = await people.call(method, path, APP, headers=headers)
        assert (status, "If-Match" in answer["detail"]) == (428, True)


async def start(
    site: Site, family_id: str, user: str = "alice", server: str = "one", **options: Any
) -> tuple[int, Any]:
    """A start, as the hub's spawner asks for it."""
    groups = site.hub.groups.get(user, [])
    body = {"options": {"software": family_id, **options}, "created": CREATED, "groups": groups}
    path, key = f"hub/tasks/{user}/{server}", site.bench.keys.spawner_key
    return await site.call("PUT", path, body, key)


async def test_what_runs_goes_on_when_its_software_changes_and_goes(people: Site) -> None:
    version = await add(people, owner=TEAM)
    status, record = await start(people, version["family"], "carol")
    assert status == 201
    assert (await put(people, version, APP | {"image_tag": "2"}))[0] == 200
    people.hub.groups["carol"] = []
    assert (await people.call("DELETE", f"api/v1/software/{version['family']}"))[0] == 204
    task = people.bench.tasks.find(record["id"])
    assert (task.state.value, task.desired_state.value) == ("queued", "run")
    assert software_of(task).image == "ghcr.io/team/app:1"
    status, answer = await start(people, version["family"], "carol", "two")
    assert (status, answer["detail"][:20]) == (422, "There is no software")


# --- the hub's form -------------------------------------------------------------------------------


async def ask(site: Site, method: str, user: str, **body: Any) -> tuple[int, Any]:
    """What the hub's form asks for a user."""
    body = {"groups": site.hub.groups.get(user, []), "created": CREATED} | body
    return await site.call(method, f"hub/software/{user}", body, site.bench.keys.spawner_key)


async def test_the_form_is_told_the_software_of_the_user(people: Site) -> None:
    own, shared = await add(people), await add(people, "carol", name="Shared", owner=TEAM)
    status, answer = await ask(people, "PUT", "alice")
    assert status == 200
    assert answer == (await people.call("GET", "api/v1/software"))[1]
    assert [family["id"] for family in answer["software"]] == [
        "echo",
        own["family"],
        shared["family"],
    ]
    assert [one["id"] for one in (await ask(people, "PUT", "bob"))[1]["software"]] == ["echo"]
    # No other name than that in the address counts, and no user may ask.
    assert (await people.call("PUT", "hub/software/alice", {}))[0] == 403


async def test_options_of_the_form_are_checked(people: Site) -> None:
    family_id = (await add(people))["family"]
    assert await ask(people, "POST", "alice", options={"software": family_id}) == (200, {})
    status, answer = await ask(
        people, "POST", "alice", options={"software": family_id, "memory": "1K"}
    )
    assert (status, answer["detail"]) == (422, "A task needs at least 16 MB of memory.")
    assert (await ask(people, "POST", "bob", options={"software": family_id}))[0] == 422
    assert people.bench.tasks.all() == []
