"""Software of users as administrators see, block and delete it."""

from typing import Any

from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_software import ImageVerdict

from .admin import ROOT, add_root
from .test_administration import ANY, audit_records, if_match
from .test_api import CREATED, Site
from .test_api import site as site

PATH = "api/v1/admin/software"
DIGEST = "sha256:" + "ab" * 32
ENTRY = {"name": "Mine", "registry": "ghcr.io", "image_name": "org/mine", "image_digest": DIGEST}


async def add(site: Site, token: str = "alice") -> dict[str, Any]:
    """A version of a user's own."""
    status, version = await site.call("POST", "api/v1/software", ENTRY, token=token)
    assert status == 201, version
    return dict(version)


async def start(site: Site, version: dict[str, Any]) -> tuple[int, str]:
    """Status and error of a start by the hub's spawner."""
    body = {"created": CREATED, "options": {"software": version["family"]}}
    key = site.bench.keys.spawner_key
    status, answer = await site.call("PUT", "hub/tasks/alice/one", body, token=key)
    return status, answer.get("detail", "")


async def test_software_of_everybody_is_listed(site: Site) -> None:
    add_root(site)
    mine, other = await add(site), await add(site, "bob")
    with site.bench.tasks.database.session() as session:
        image = f"ghcr.io/org/mine@{DIGEST}"
        session.add(ImageVerdict(image=image, allowed=False, message="No.", checked=utc_now()))
    assert (await start(site, mine))[0] == 201
    status, answer = await site.call("GET", f"{PATH}?limit=1", token=ROOT)
    assert (status, [version["id"] for version in answer["software"]]) == (200, [other["id"]])
    _, answer = await site.call("GET", f"{PATH}?after={answer['next']}", token=ROOT)
    assert ([version["id"] for version in answer["software"]], answer["next"]) == (
        [mine["id"]],
        None,
    )
    _, answer = await site.call("GET", f"{PATH}?owner=LIC", token=ROOT)
    (result,) = answer["software"]
    assert (result["id"], result["owner"]) == (mine["id"], {"kind": "user", "name": "alice"})
    assert (result["uses"], result["blocked"], result["image"]) == (1, None, image)
    assert result["policy"] == {"allowed": False, "message": "No."}


async def test_blocked_software_is_not_started_and_its_owner_sees_why(site: Site) -> None:
    add_root(site)
    version = await add(site)
    path = f"{PATH}/{version['id']}/block"
    assert (await site.call("PUT", path, {"reason": " "}, ROOT, ANY))[0] == 422
    assert (await site.call("PUT", path, {"reason": "It mines."}, ROOT, ANY))[0] == 200
    refusal = "An administrator has blocked this software: It mines."
    assert await start(site, version) == (422, refusal)
    _, value = await site.call("GET", f"api/v1/software/versions/{version['id']}")
    assert value["refused"] == refusal
    # Another edit does not free it.
    etag = {"If-Match": f'"{value["revision"]}"'}
    changed = ENTRY | {"description": "Better"}
    own = f"api/v1/software/versions/{version['id']}"
    assert (await site.call("PUT", own, changed, headers=etag))[1]["refused"] == refusal
    assert (await site.call("DELETE", path, None, ROOT, ANY))[0] == 200
    assert (await start(site, version))[0] == 201


async def overseen(site: Site) -> dict[str, Any]:
    """The one version, as the tab "Software" shows it."""
    _, answer = await site.call("GET", PATH, token=ROOT)
    (result,) = answer["software"]
    return dict(result)


async def test_nobody_decides_about_another_version_than_was_seen(site: Site) -> None:
    add_root(site)
    version = await add(site)
    path = f"{PATH}/{version['id']}"
    result = if_match((await overseen(site))["revision"])
    own = f"api/v1/software/versions/{version['id']}"
    changed = ENTRY | {"image_name": "org/other"}
    await site.call("PUT", own, changed, headers=if_match(version["revision"]))
    calls = (("PUT", "/block", {"reason": "x"}), ("DELETE", "/block", None), ("DELETE", "", None))
    for method, rest, body in calls:
        status, answer = await site.call(method, path + rest, body, ROOT, result)
        assert (status, answer["type"]) == (412, "urn:rosetta-hub:problem:changed-meanwhile")
        assert (await site.call(method, path + rest, body, ROOT))[0] == 428
    present = await overseen(site)
    assert (present["blocked"], "org/other" in present["image"]) == (None, True)
    match = if_match(present["revision"])
    status, blocked = await site.call("PUT", f"{path}/block", {"reason": "It mines."}, ROOT, match)
    assert (status, blocked["revision"]) == (200, (await overseen(site))["revision"])
    # A reason of another administrator is not overwritten, either.
    assert (await site.call("PUT", f"{path}/block", {"reason": "x"}, ROOT, match))[0] == 412


async def test_software_is_deleted_and_all_is_recorded(site: Site) -> None:
    add_root(site)
    version = await add(site)
    path = f"{PATH}/{version['id']}"
    await site.call("PUT", f"{path}/block", {"reason": "It mines."}, ROOT, ANY)
    assert (await site.call("DELETE", path, None, ROOT, ANY))[0] == 204
    assert (await site.call("DELETE", path, None, ROOT, ANY))[0] == 404
    assert (await site.call("GET", PATH, token=ROOT))[1]["software"] == []
    acts = [record for record in audit_records(site) if record.actor == ROOT]
    assert [(act.user, act.target, act.detail["change"]) for act in acts] == [
        ("alice", version["family"], "block"),
        ("alice", version["family"], "delete"),
    ]
    assert acts[0].detail["reason"] == "It mines."


async def test_only_administrators_do_that(site: Site) -> None:
    version = await add(site)
    for method, path in (
        ("GET", PATH),
        ("DELETE", f"{PATH}/{version['id']}"),
        ("PUT", f"{PATH}/{version['id']}/block"),
        ("DELETE", f"{PATH}/{version['id']}/block"),
    ):
        assert (await site.call(method, path, {"reason": "x"}))[0] == 403, path
    assert (await start(site, version))[0] == 201
