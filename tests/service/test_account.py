"""The page Account over HTTP: who may, and the keys."""

import asyncio
import json
from typing import Any

import asyncssh
import pytest

from rosetta_hub.database.models import Task
from rosetta_hub.database.models_user import Identity
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.ssh.keys import read_public_key
from tests.support.starting import start_task

from .account import CLUSTER, Site
from .account import site as site
from .conftest import ALICE, Bench

# --- who is who -------------------------------------------------------------------------------


async def test_a_new_user_of_the_same_name_inherits_nothing(site: Site) -> None:
    await site.call("PUT", CLUSTER, {"remote_user": "al1ce"})
    await site.call("PUT", "account/mail", {"address": None})
    [result, *_] = await site.identities_of("of-new-alice")
    assert (result["state"], result["public_key"]) == ("missing", None)
    assert (await site.mail_of("of-new-alice"))["address"] == "alice@example.org"
    assert site.rows() == 0


async def test_a_key_is_deleted_by_hand(site: Site, bench: Bench) -> None:
    await site.call("PUT", CLUSTER, {"remote_user": "al1ce"})
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    move_to(bench, task, "cluster")
    status, answer = await site.call("DELETE", CLUSTER)
    assert (status, site.rows()) == (409, 1)
    assert "Stop your tasks on The cluster" in answer["detail"]
    bench.tasks.stopped(bench.tasks.find(task.id))
    site.changed.clear()
    status, answer = await site.call("DELETE", CLUSTER)
    assert (status, answer["state"], site.rows()) == (200, "missing", 0)
    assert site.changed == [("alice", "cluster")]
    assert (await site.call("DELETE", CLUSTER, token="reads-only"))[0] == 403


def move_to(bench: Bench, task: Task, computing: str) -> None:
    """Have a task run on another resource."""

    def move(row: Task) -> None:
        row.computing = computing

    bench.tasks.update(task, move)


# --- who may ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "account/identities"),
        ("GET", "account/mail"),
        ("PUT", "account/mail"),
        ("PUT", CLUSTER),
        ("POST", f"{CLUSTER}/test"),
        ("POST", f"{CLUSTER}/renew"),
        ("PUT", f"{CLUSTER}/key"),
        ("POST", "account/mail/confirm"),
        ("GET", "account/dates"),
        ("PUT", "account/dates"),
        ("GET", "account/groups"),
        ("GET", "account/tokens"),
        ("POST", "account/tokens"),
        ("DELETE", "account/tokens/a1"),
        ("GET", "account/sessions"),
        ("DELETE", "account/sessions"),
        ("POST", "account/data/delete"),
    ],
)
async def test_nobody_without_the_right_token(site: Site, method: str, path: str) -> None:
    for token in ("", "wrong", "of-one-server", "of-guest"):
        assert (await site.call(method, path, token=token))[0] == 403
    status, _ = await site.call(method, path, token="reads-only")
    assert status == (200 if method == "GET" else 403)
    assert (site.tested, site.changed) == ([], [])


async def test_the_page_leads_to_the_login(site: Site) -> None:
    response = await site.fetch("GET", "account", None, "")
    assert "/hub/api/oauth2/authorize" in response.headers["Location"]
    assert (await site.fetch("GET", "account", None, "of-alice")).code == 200


async def test_everybody_has_settings_of_their_own(site: Site) -> None:
    await site.call("PUT", CLUSTER, {"remote_user": "al1ce"})
    await site.call("PUT", "account/mail", {"address": None, "limit": False})
    mine, bobs = await site.identities_of("of-alice"), await site.identities_of("of-bob")
    assert [item["computing"] for item in mine] == ["cluster", "alices", "site"]
    assert [bob["computing"] for bob in bobs] == ["cluster", "site"]
    assert mine[0]["remote_user"] == "al1ce"
    assert bobs[0]["remote_user"] is None
    assert (await site.mail_of("of-alice"))["address"] is None
    bobs_mail = await site.mail_of("of-bob")
    assert bobs_mail == {
        "revision": bobs_mail["revision"],
        "address": "bob@example.org",
        "started": True,
        "failed": True,
        "limit": True,
        "shared": True,
        "available": True,
        "problem": None,
        "pending": None,
    }


@pytest.mark.parametrize("computing", ["alices", "local", "none"])
async def test_a_resource_that_is_not_ones_own(site: Site, computing: str) -> None:
    path, token = f"account/identities/{computing}", "of-bob"
    assert (await site.call("PUT", path, {"remote_user": "bob"}, token))[0] == 404
    for verb in ("test", "renew"):
        assert (await site.call("POST", f"{path}/{verb}", None, token))[0] == 404


# --- identities -------------------------------------------------------------------------------


async def test_a_key_is_made_tested_and_renewed(site: Site) -> None:
    status, result = await site.call("PUT", CLUSTER, {"remote_user": " al1ce "})
    assert (status, result["state"], result["remote_user"]) == (200, "untested", "al1ce")
    key = result["public_key"]
    assert key.startswith("ssh-ed25519 ")
    assert key.endswith(" rosetta-hub:alice")
    assert result["paste"] == f"restrict,pty,port-forwarding {key}"
    _, tested = await site.call("POST", f"{CLUSTER}/test")
    assert (tested["state"], tested["message"]) == ("works", "Logged in.")
    _, same = await site.call("PUT", CLUSTER, {"remote_user": "al1ce"})
    assert (same["state"], same["public_key"]) == ("works", key)
    _, other = await site.call("PUT", CLUSTER, {"remote_user": "alice2"})
    assert (other["state"], other["public_key"]) == ("untested", key)
    _, renewed = await site.call("POST", f"{CLUSTER}/renew")
    assert renewed["public_key"] != key
    assert renewed["state"] == "untested"
    assert site.tested == [("alice", "cluster")]
    assert site.changed == [("alice", "cluster")] * 4


async def test_the_private_key_is_encrypted_and_told_to_nobody(site: Site) -> None:
    _, result = await site.call("PUT", CLUSTER, {"remote_user": "alice"})
    used = site.identities.credentials("alice", "cluster")
    assert "OPENSSH PRIVATE KEY" in used.private_key
    with site.database.session() as session:
        row = session.get(Identity, ("alice", "cluster"))
    assert row is not None
    assert b"PRIVATE KEY" not in row.private_key
    for text in (repr(used), repr(row), json.dumps(result)):
        assert used.private_key.splitlines()[1] not in text


@pytest.mark.filterwarnings("ignore:Warning. bcrypt.kdf")
async def test_a_key_is_brought_along(site: Site) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    # Few rounds, about which bcrypt warns: each attempt takes as long as they do.
    document = {"private_key": key.export_private_key("openssh", "sesame", rounds=1).decode()}
    assert (await site.call("PUT", f"{CLUSTER}/key", document | {"passphrase": "sesame"}))[0] == 409
    await site.call("PUT", CLUSTER, {"remote_user": "al1ce"})
    status, answer = await site.call("PUT", f"{CLUSTER}/key", document | {"passphrase": "wrong"})
    assert (status, answer["detail"]) == (422, "The passphrase is not the one of this key.")
    status, view = await site.call("PUT", f"{CLUSTER}/key", document | {"passphrase": "sesame"})
    assert (status, view["state"], view["remote_user"]) == (200, "untested", "al1ce")
    public = key.export_public_key().decode().split()[:2]
    assert view["public_key"].split() == [*public, "rosetta-hub:alice"]
    used = site.identities.credentials("alice", "cluster")
    assert used.public_key == view["public_key"]
    assert read_public_key(used.private_key) == used.public_key
    assert site.changed == [("alice", "cluster")] * 2
    # Where the hub vouches, and where there is nothing.
    path = "account/identities/site/key"
    assert (await site.call("PUT", path, document | {"passphrase": "sesame"}))[0] == 422
    assert (await site.call("PUT", "account/identities/none/key", document))[0] == 404


@pytest.mark.parametrize(
    "name", ["", "-oProxyCommand=x", "a b", "a\nb", "a;b", "a@b", "$(id)", "ü", "a" * 34, 7, None]
)
async def test_no_user_name(site: Site, name: Any) -> None:
    status, answer = await site.call("PUT", CLUSTER, {"remote_user": name})
    assert status == 422
    assert answer["detail"].endswith(".")
    assert (await site.call("POST", f"{CLUSTER}/renew"))[0] == 409
    assert (await site.call("POST", f"{CLUSTER}/test"))[0] == 409


@pytest.mark.parametrize("name", ["alice", "_x", "Alice.B-c", "machine$", "a" * 32])
async def test_a_user_name(site: Site, name: str) -> None:
    assert (await site.call("PUT", CLUSTER, {"remote_user": name}))[0] == 200


async def test_could_not_ask_is_not_refused(site: Site) -> None:
    await site.call("PUT", CLUSTER, {"remote_user": "alice"})
    site.result = ResourceUnavailable("The cluster does not answer.")
    status, answer = await site.call("POST", f"{CLUSTER}/test")
    assert (status, answer["detail"]) == (503, "The cluster does not answer.")
    assert (await site.identities_of("of-alice"))[0]["state"] == "untested"


async def test_one_test_at_a_time_and_its_result_is_of_that_key(site: Site) -> None:
    await site.call("PUT", CLUSTER, {"remote_user": "alice"})
    site.let_on.clear()
    first = asyncio.create_task(site.call("POST", f"{CLUSTER}/test"))
    async with asyncio.timeout(10):
        while not site.tested:
            await asyncio.sleep(0)
    assert (await site.call("POST", f"{CLUSTER}/test"))[0] == 409
    await site.call("POST", f"{CLUSTER}/renew")
    site.let_on.set()
    # The new key was not the one that was tried.
    assert (await first)[1]["state"] == "untested"
    assert (await site.call("POST", f"{CLUSTER}/test"))[1]["state"] == "works"


async def test_a_ca_vouches_for_the_users_own_name_only(site: Site) -> None:
    """Nothing is pasted there, so nothing would prove that another account is the user's."""
    path = "account/identities/site"
    status, answer = await site.call("PUT", path, {"remote_user": "root"})
    assert (status, answer["detail"]) == (422, "On Site you are alice, as on the hub.")
    view = (await site.identities_of("of-alice"))[2]
    assert (view["remote_user"], view["fixed"], view["paste"]) == ("alice", True, None)
    _, tested = await site.call("POST", f"{path}/test")
    assert (tested["state"], tested["public_key"]) == ("works", None)
    assert site.identities.credentials("alice", "site").remote_user == "alice"


async def test_a_name_of_the_hub_that_is_no_account(site: Site) -> None:
    view = (await site.identities_of("of-mail"))[1]
    assert (view["state"], view["remote_user"]) == ("missing", None)
    with pytest.raises(ResourceUnavailable):
        site.identities.credentials("carol@example.org", "site")


async def test_what_users_change_is_written_down(site: Site) -> None:
    await site.call("PUT", CLUSTER, {"remote_user": "al1ce"})
    await site.call("PUT", "account/mail", {"started": False})
    await site.call("PUT", "account/dates", {"time_zone": "UTC"})
    assert site.audited() == [
        ("key.change", "alice", "cluster"),
        ("settings.change", "alice", "mail"),
        ("settings.change", "alice", "dates"),
    ]
