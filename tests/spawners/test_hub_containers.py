"""Containers as servers of a real hub: what is started, seen, lost and stopped."""

import asyncio
import html
import json
import re
from typing import Any

import pytest

from rosetta_hub.errors import UserError
from rosetta_hub.hub.client import HubClient
from rosetta_hub.keys import Keys

from .hub import TOKEN, Hub, User, http_client, until
from .stub import StubService

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Hubs before 6 show the form again with status 200.
FORM_AGAIN = (200, 422)

OPTIONS = {"software": "web", "computing": "here", "version": "2"}


async def start(alice: User, name: str) -> None:
    answer = await alice.api("POST", name, OPTIONS)
    assert answer.status_code in (201, 202), answer.text
    await alice.hub.ready(alice.name, name)


async def test_form_starts_task(hub: Hub, service: StubService, alice: User) -> None:
    page = await alice.form("one")
    assert "Web" in page
    assert "/services/rosetta/static" in page
    assert "For staff" not in page
    fields = OPTIONS | {"engine": "docker", "runtime": "", "cpus": "1.5", "memory": "2G"}
    answer = await alice.post_form("one", fields | {"name": "My web"})
    assert answer.status_code == 302, answer.text
    server = await hub.ready(alice.name, "one")
    assert server["url"] == f"/user/{alice.name}/one/"
    model = (await hub.api("GET", f"/users/{alice.name}")).json()
    assert service.starts == [
        {
            "user": alice.name,
            "server": "one",
            "options": OPTIONS
            | {"engine": "docker", "cpus": 1.5, "memory": 2 << 30, "name": "My web"},
            "requester": {"name": alice.name, "address": "127.0.0.1", "is_service": False},
            "groups": [],
            "admin": False,
            "created": model["created"],
            # What the hooks of this hub set.
            "spawner": {
                "environment": {"TEST_AUTHENTICATOR": "yes", "TEST_AUTH_STATE": "from-login"},
                "cpus": None,
                "memory": None,
            },
        }
    ]
    # The hub's proxy leads to the service.
    answer = await alice.client.get(f"/user/{alice.name}/one/", follow_redirects=False)
    assert answer.headers["location"] == "/hub/login"


async def test_form_again_with_message(hub: Hub, service: StubService, alice: User) -> None:
    for fields, message in (
        ({"software": "staff"}, "There is no software &#39;staff&#39; for you."),
        (OPTIONS | {"cpus": "64"}, "gives a task at most 4 CPUs, not 64."),
        ({"computing": "here"}, "Choose a software."),
    ):
        answer = await alice.post_form("one", fields)
        assert answer.status_code in FORM_AGAIN
        assert message in answer.text
        assert 'name="software"' in answer.text
    assert service.starts == []
    assert not await hub.server(alice.name, "one")


async def test_refusal_of_the_service_is_shown(hub: Hub, service: StubService, alice: User) -> None:
    service.refuse = (422, "The resource is full: <try> tomorrow.")
    answer = await alice.post_form("one", OPTIONS)
    assert answer.status_code in FORM_AGAIN
    assert "The resource is full: &lt;try&gt; tomorrow." in answer.text
    service.refuse = (422, "Not at all.")
    message = await alice.api("POST", "one", OPTIONS)
    assert message.status_code == 422
    assert message.json()["message"] == "Not at all."
    assert not service.stops_of(alice.name)
    # And nothing of it is left.
    await start(alice, "one")


async def test_groups_and_admin_are_told(hub: Hub, service: StubService, alice: User) -> None:
    await hub.api("POST", "/groups/staff", {})
    await hub.api("POST", "/groups/staff/users", {"users": [alice.name]})
    assert "For staff" in await alice.form("one")
    await alice.api("POST", "one", {"software": "staff"})
    await hub.ready(alice.name, "one")
    await hub.api("POST", "/users/root")
    await hub.api("POST", "/users/root/servers/one", OPTIONS)
    await hub.ready("root", "one")
    assert service.starts[-1]["requester"]["name"] != "root"
    assert [(item["groups"], item["admin"]) for item in service.starts] == [
        (["staff"], False),
        ([], True),
    ]


async def test_states_as_the_hub_sees_them(hub: Hub, service: StubService, alice: User) -> None:
    for last in ("stopped", "failed"):
        await start(alice, "one")
        for state in ("queued", "starting", "running", "a state of the future"):
            service.set_state(alice.name, "one", state)
            polls = service.polls

            async def polled(value: int = polls) -> bool:
                return service.polls > value + 1

            await until(polled, "two polls")
            assert (await hub.server(alice.name, "one"))["ready"]
        service.set_state(alice.name, "one", last)
        await hub.gone(alice.name, "one")
    assert not service.stops_of(alice.name)


async def test_task_that_is_gone(hub: Hub, service: StubService, alice: User) -> None:
    await start(alice, "one")
    del service.tasks[alice.name, "one"]
    await hub.gone(alice.name, "one")


async def test_two_starts_of_one_name(hub: Hub, service: StubService, alice: User) -> None:
    await start(alice, "one")
    answer = await alice.post_form("one", OPTIONS)
    assert answer.status_code == 400
    assert "already running" in answer.text
    message = await alice.api("POST", "one", OPTIONS)
    assert message.status_code == 400
    # The service has a task of that name that the hub does not know.
    service.tasks[alice.name, "two"] = {"id": "x", "attempt": 1, "state": "running"}
    message = await alice.api("POST", "two", OPTIONS)
    assert message.status_code == 409
    assert message.json()["message"] == "This task is running already."
    assert not service.stops_of(alice.name)
    assert service.tasks[alice.name, "two"]["state"] == "running"


async def test_hub_killed_while_queued(hub: Hub, service: StubService, alice: User) -> None:
    await start(alice, "one")
    hub.kill()
    await hub.start()
    await hub.ready(alice.name, "one")
    assert len(service.starts) == 1
    assert not service.stops_of(alice.name)
    answer = await alice.client.get(f"/user/{alice.name}/one/", follow_redirects=False)
    assert answer.headers["location"] == "/hub/login"
    # It is polled again.
    service.set_state(alice.name, "one", "failed")
    await hub.gone(alice.name, "one")


async def test_hub_killed_during_start(hub: Hub, service: StubService, alice: User) -> None:
    """The service has the task; the hub was killed before it had the answer."""
    service.open_starts.clear()
    starting = asyncio.create_task(alice.api("POST", "one", OPTIONS))

    async def recorded() -> bool:
        return bool(service.tasks.get((alice.name, "one")))

    await until(recorded, "the service has the task")
    hub.kill()
    await asyncio.gather(starting, return_exceptions=True)
    service.open_starts.set()
    await hub.start()
    await hub.ready(alice.name, "one")
    assert not service.stops_of(alice.name)
    assert (await alice.api("DELETE", "one")).status_code in (202, 204)
    await hub.gone(alice.name, "one")
    assert service.tasks[alice.name, "one"]["state"] == "stopped"


async def test_hub_restarts_while_service_is_down(
    hub: Hub, service: StubService, alice: User
) -> None:
    await start(alice, "one")
    await service.down()
    hub.kill()
    await hub.start()
    # Kept, and not called ready, because the hub could not ask.
    assert (await hub.server(alice.name, "one"))["pending"] == "check"
    service.up()
    await hub.ready(alice.name, "one")
    assert not service.stops_of(alice.name)
    assert len(service.starts) == 1


async def test_service_down_ends_nothing(hub: Hub, service: StubService, alice: User) -> None:
    await start(alice, "one")
    await service.down()

    async def unknown() -> bool:
        return hub.log.count(f"The state of {alice.name}:one is unknown") >= 2

    await until(unknown, "two polls without an answer")
    assert (await hub.server(alice.name, "one"))["ready"]
    answer = await alice.api("POST", "two", OPTIONS)
    service.up()
    # A start waits for a service that is being restarted.
    assert answer.status_code in (201, 202, 503), answer.text


async def test_start_waits_for_the_service(hub: Hub, service: StubService, alice: User) -> None:
    await service.down()
    starting = asyncio.create_task(alice.api("POST", "one", OPTIONS))

    async def pending() -> bool:
        return (await hub.server(alice.name, "one")).get("pending") == "spawn"

    await until(pending, "the start is pending")
    service.up()
    assert (await starting).status_code in (201, 202)
    await hub.ready(alice.name, "one")


async def test_start_without_service(hub: Hub, service: StubService, alice: User) -> None:
    await service.down()
    answer = await alice.post_form("one", OPTIONS)
    assert answer.status_code == 302, answer.text

    async def told() -> str:
        page = (await alice.client.get(f"/hub/spawn-pending/{alice.name}/one")).text
        return page if "the task service is not running" in page else ""

    await until(told, "the message is shown")
    await hub.gone(alice.name, "one")
    service.up()
    await start(alice, "one")


async def test_answer_to_start_is_lost(hub: Hub, service: StubService, alice: User) -> None:
    service.lose_answer = True
    await start(alice, "one")
    assert len(service.starts) == 2
    assert service.tasks[alice.name, "one"]["attempt"] == 1


async def test_stop_and_start_again(hub: Hub, service: StubService, alice: User) -> None:
    await start(alice, "one")
    assert (await alice.api("DELETE", "one")).status_code in (202, 204)
    await hub.gone(alice.name, "one")
    assert service.stops_of(alice.name) == [(alice.name, "one")]
    # Without options: those of last time.
    await alice.api("POST", "one")
    await hub.ready(alice.name, "one")
    assert service.starts[0] == service.starts[1]
    # With others: nothing of last time.
    await alice.api("DELETE", "one")
    await hub.gone(alice.name, "one")
    await alice.api("POST", "one", {"software": "web", "cpus": 2})
    await hub.ready(alice.name, "one")
    assert service.starts[2]["options"] == {"software": "web", "cpus": 2}


async def test_stop_waits_for_the_service(hub: Hub, service: StubService, alice: User) -> None:
    await start(alice, "one")
    await service.down()
    stopping = asyncio.create_task(alice.api("DELETE", "one"))

    async def tried() -> bool:
        return f"{alice.name}:one could not be stopped yet" in hub.log

    await until(tried, "a stop without an answer")
    assert (await hub.server(alice.name, "one"))["pending"] == "stop"
    service.up()
    await stopping
    await hub.gone(alice.name, "one")
    assert service.tasks[alice.name, "one"]["state"] == "stopped"


async def test_delete(hub: Hub, service: StubService, alice: User) -> None:
    await start(alice, "one")
    await alice.api("DELETE", "one", {"remove": True})

    async def forgotten() -> bool:
        return (alice.name, "one") not in service.tasks

    await until(forgotten, "the service has forgotten the task")
    assert service.stops_of(alice.name) == [(alice.name, "one")]
    model = (await hub.api("GET", f"/users/{alice.name}?include_stopped_servers")).json()
    assert "one" not in model["servers"]


async def test_delete_of_a_user(hub: Hub, service: StubService, alice: User) -> None:
    for name in ("one", "two"):
        await start(alice, name)
        await alice.api("DELETE", name)
        await hub.gone(alice.name, name)
    assert (await hub.api("DELETE", f"/users/{alice.name}")).status_code == 204
    assert not [task for task in service.tasks if task[0] == alice.name]
    assert sorted(service.stops_of(alice.name)) == [(alice.name, "one"), (alice.name, "two")]


LINKS = (
    "software=web&cpus=2",
    "opt-software=web&opt-cpus=2&opt-unknown=x",
    "software=classic&flavour=sour&cpus=2",
)
# What browsers tell of the page on which somebody followed a link, or which holds an image.
REQUESTS: tuple[dict[str, str], ...] = (
    {},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    # After a login in between, a foreign link looks like one of the hub's own pages.
    {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
)


@pytest.mark.parametrize("query", LINKS)
async def test_link_fills_in_the_form_and_starts_nothing(
    hub: Hub, service: StubService, alice: User, query: str
) -> None:
    for headers in REQUESTS:
        page = await alice.client.get(f"/hub/spawn/{alice.name}/one?{query}", headers=headers)
        assert page.status_code == 200
        assert 'id="spawn-error"' not in page.text
        assert _preset(page.text)["cpus"] == "2"
    assert not await hub.server(alice.name, "one")
    assert service.starts == []
    # The next form is empty again, also after a start that was refused.
    assert _preset(await alice.form("one")) == {}
    refused = await alice.post_form("one", {"software": "staff"})
    assert _preset(refused.text) == {}


async def test_image_of_a_link_starts_nothing_by_the_token_in_it(
    hub: Hub, service: StubService, alice: User
) -> None:
    query = {"software": "web", "_xsrf": alice.xsrf}
    page = await alice.client.get(f"/hub/spawn/{alice.name}/one", params=query)
    assert _preset(page.text) == {"software": "web"}
    assert not await hub.server(alice.name, "one")
    assert service.starts == []


def _preset(page: str) -> dict[str, str]:
    """What a form has been filled in with, by field name."""
    match = re.search(r'data-preset="([^"]*)"', page)
    assert match
    preset: dict[str, str] = json.loads(html.unescape(match[1]))
    return preset


async def test_no_secret_in_the_log(hub: Hub, service: StubService, alice: User) -> None:
    await start(alice, "one")
    await alice.api("DELETE", "one", {"remove": True})
    await hub.gone(alice.name, "one")
    assert service.key not in hub.log


async def test_service_alone_ends_the_logins_of_a_user(
    hub: Hub, service: StubService, alice: User
) -> None:
    base, path = f"{hub.url}/hub/api", f"/users/{alice.name}/tokens"
    tokens = [
        (await hub.api("POST", path, {"note": note})).json()["token"] for note in ("one", "other")
    ]
    client = HubClient(base, Keys(hub.directory / "state").service_token)

    async def status(token: str) -> int:
        headers = {"Authorization": f"token {token}"}
        async with http_client(headers=headers) as api:
            return (await api.get(f"{base}/user")).status_code

    async def page() -> int:
        return (await alice.client.get("/hub/home", follow_redirects=False)).status_code

    # Not even an administrator's token will do.
    url = f"{hub.url}/hub/rosetta/users/{alice.name}/sessions"
    for token in (TOKEN, tokens[0]):
        headers = {"Authorization": f"token {token}"}
        assert (await alice.client.delete(url, headers=headers)).status_code == 403
    assert (await page(), await status(tokens[0])) == (200, 200)
    await client.end_sessions(alice.name)
    assert (await page(), await status(tokens[0])) == (302, 200)
    await client.end_sessions(alice.name, api_tokens=True)
    assert [await status(token) for token in tokens] == [403, 403]
    # Nobody of that name: there is nothing to be ended.
    await client.end_sessions("nobody")


async def test_a_token_makes_no_token_that_can_do_more(
    hub: Hub, service: StubService, alice: User
) -> None:
    client = HubClient(f"{hub.url}/hub/api", Keys(hub.directory / "state").service_token)
    access = "access:services!service=rosetta"
    see, change = "read:servers!user", "servers!user"

    async def api_token(**value: Any) -> str:
        answer = await hub.api(
            "POST", f"/users/{alice.name}/tokens", {"note": "principal", **value}
        )
        return str(answer.json()["token"])

    full = await api_token()
    result = await client.make_token(full, "for cron", [access, see, change], 3600)
    listed = {token["id"]: token for token in await client.tokens(result["token"])}
    view = listed[result["id"]]
    assert (view["note"], view["current"], view["login"]) == ("for cron", True, False)
    assert view["scopes"] == sorted([access, see, change])
    assert view["expires_at"] is not None
    assert "token" not in view
    reads = await api_token(scopes=[access, see], expires_in=7200)
    # What alice may do and her token may not; of another user; and for longer than itself.
    for scopes, seconds in (
        ([change], 3600),
        (["inherit"], 3600),
        ([], 3600),
        (["read:servers"], 3600),
        (["read:servers!user=root"], 3600),
        ([see], 8000),
    ):
        with pytest.raises(UserError, match="The token that asks"):
            await client.make_token(reads, "more", scopes, seconds)
    assert (await client.make_token(reads, "as much", [access, see], 3600))["token"]
    # Nobody but the service may ask, and for nobody but who is there.
    url, headers = f"{hub.url}/hub/rosetta/tokens", {"X-Rosetta-Principal": full}
    for token in (TOKEN, full):
        document = headers | {"Authorization": f"token {token}"}
        assert (await alice.client.get(url, headers=document)).status_code == 403
    for token in ("", "made up", TOKEN):
        with pytest.raises(UserError):
            await client.tokens(token)
    await client.delete_token(full, result["id"])
    with pytest.raises(UserError):
        await client.tokens(result["token"])
    with pytest.raises(UserError, match="no such token"):
        await client.delete_token(full, result["id"])
    assert full not in hub.log
