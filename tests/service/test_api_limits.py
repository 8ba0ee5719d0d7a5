"""What keeps users of the API from too much: pages of lists, keys of requests, a rate limit."""

import json
from typing import Any

import pytest

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.errors import Conflict, HubUnavailable
from tests.support.starting import start_task

from .test_api import PREFIX, Site
from .test_api import site as site

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
TASKS = "api/v1/tasks"
KEY = {"Idempotency-Key": "k1", "Content-Type": "application/json"}


async def start(site: Site, headers: dict[str, str], **options: Any) -> tuple[int, Any]:
    """Ask for a task."""
    return await site.call("POST", TASKS, {"software": "echo", **options}, headers=headers)


async def test_tasks_are_listed_page_by_page(site: Site) -> None:
    for number in range(5):
        start_task(site.bench.tasks, f"s{number}", {"software": "echo"}, User("alice"))
    start_task(site.bench.tasks, "other", {"software": "echo"}, User("bob"))
    ids: list[str] = []
    path = f"{TASKS}?limit=2&state=queued&state=running"
    while path:
        response = await site.fetch("GET", path)
        answer = json.loads(response.body)
        ids += [task["id"] for task in answer["tasks"]]
        link = response.headers.get("Link", "")
        assert (answer["next"] is None) == (link == "")
        path = link.removeprefix(f"<{PREFIX}").partition(">")[0]
    assert ids == await site.listed("alice")
    assert len(ids) == 5


async def test_a_list_leaves_out_what_the_filter_does(site: Site) -> None:
    task = site.start()
    for query, result in (("state=running", [task.id]), ("state=ended", []), ("name=zz", [])):
        _, answer = await site.call("GET", f"{TASKS}?{query}")
        assert [item["id"] for item in answer["tasks"]] == result, query
    status, answer = await site.call("GET", f"{TASKS}?state=odd&limit=0")
    assert status == 422
    assert [error["pointer"] for error in answer["errors"]] == ["/query/limit", "/query/state/0"]


async def test_a_start_with_a_key_is_carried_out_once(site: Site) -> None:
    first = await start(site, KEY)
    response = await site.fetch("POST", TASKS, b'{"software": "echo"}', headers=KEY)
    assert (response.code, json.loads(response.body)) == first
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Idempotent-Replayed"] == "true"
    assert len(site.bench.tasks.all()) == 1
    status, answer = await start(site, KEY, name="Another")
    assert (status, answer["type"]) == (422, "urn:rosetta-hub:problem:idempotency-key-reused")
    assert (await start(site, {}))[0] == 201
    assert len(site.bench.tasks.all()) == 2


async def test_a_refused_start_may_be_sent_again_with_its_key(site: Site) -> None:
    async def refuse(*_: Any) -> None:
        raise RuntimeError("a fault")

    site.hub.start_as_hub = refuse
    assert (await start(site, KEY))[0] == 500
    site.hub.start_as_hub = None
    assert (await start(site, KEY))[0] == 201


async def test_a_start_whose_answer_was_lost_is_found_again_with_its_key(site: Site) -> None:
    async def start_and_fall_silent(user: str, server: str, options: dict[str, Any]) -> None:
        start_task(site.bench.tasks, server, options, User(user))
        raise HubUnavailable("The hub does not answer.")

    site.hub.start_as_hub = start_and_fall_silent
    assert (await start(site, KEY))[0] == 503
    (value,) = site.bench.tasks.all()
    site.hub.start_as_hub = refuse_as_running
    status, result = await start(site, KEY)
    assert (status, result["id"], len(site.bench.tasks.all())) == (201, value.id, 1)
    assert await start(site, KEY) == (status, result)
    # Another key is another start.
    site.hub.start_as_hub = None
    status, other = await start(site, KEY | {"Idempotency-Key": "k2"})
    assert (status, other["id"] == value.id) == (201, False)


async def refuse_as_running(_user: str, server: str, _options: dict[str, Any]) -> None:
    """What the hub answers about a server that runs."""
    raise Conflict(f"{server} is already running")


async def test_a_start_that_failed_is_tried_again_under_the_same_name(site: Site) -> None:
    texts: list[str] = []

    async def fail(_user: str, server: str, _options: dict[str, Any]) -> None:
        texts.append(server)
        raise HubUnavailable("The hub does not answer.")

    async def refuse(_user: str, server: str, _options: dict[str, Any]) -> None:
        texts.append(server)
        raise Conflict("The hub is busy.")

    for hub, status in ((fail, 503), (refuse, 409), (fail, 503)):
        site.hub.start_as_hub = hub
        assert (await start(site, KEY))[0] == status
    # The hub has taken a server of this name perhaps, and starts it once.
    assert len(set(texts)) == 1
    site.hub.start_as_hub = None
    status, task = await start(site, KEY)
    assert (status, task["server_name"]) == (201, texts[0])


async def test_an_attempt_whose_answer_was_lost_is_not_stopped(site: Site) -> None:
    ended = site.bench.tasks.stopped(site.start())
    path = f"{TASKS}/{ended.id}/start"

    async def start_and_fall_silent(user: str, server: str, options: dict[str, Any]) -> None:
        start_task(site.bench.tasks, server, options, User(user))
        raise HubUnavailable("The hub does not answer.")

    site.hub.start_as_hub = start_and_fall_silent
    assert (await site.call("POST", path, {}, headers=KEY))[0] == 503
    site.hub.start_as_hub = refuse_as_running
    status, task = await site.call("POST", path, {}, headers=KEY)
    assert (status, task["attempt"], len(site.hub.stopped)) == (201, 2, 1)


async def test_a_start_that_the_hub_has_not_begun_is_no_missing_task(site: Site) -> None:
    async def accept(*_: Any) -> None:
        """As the hub answers 202 while a spawner of its own is slow."""

    site.hub.start_as_hub = accept
    status, answer = await start(site, KEY)
    assert (status, answer["type"]) == (503, "urn:rosetta-hub:problem:hub-unavailable")
    site.hub.start_as_hub = None
    assert (await start(site, KEY))[0] == 201
    assert len(site.bench.tasks.all()) == 1


async def test_a_start_is_not_begun_again_while_it_goes_on(site: Site) -> None:
    answers: list[tuple[int, Any]] = []

    async def ask_again(user: str, server: str, options: dict[str, Any]) -> None:
        answers.append(await start(site, KEY))
        start_task(site.bench.tasks, server, options, User(user))

    site.hub.start_as_hub = ask_again
    assert (await start(site, KEY))[0] == 201
    ((status, answer),) = answers
    assert (status, answer["type"]) == (409, "urn:rosetta-hub:problem:request-in-progress")


async def test_too_many_requests_are_refused_until_later(site: Site) -> None:
    response = await site.fetch("GET", TASKS)
    assert response.headers["RateLimit"] == '"requests";r=999;t=1'
    assert response.headers["RateLimit-Policy"] == '"requests";q=1000;w=60'
    while not site.rate_limit.count("user alice").wait:
        pass
    response = await site.fetch("GET", TASKS)
    assert (response.code, response.headers["Retry-After"]) == (429, "1")
    assert response.headers["RateLimit"] == '"requests";r=0;t=60'
    assert json.loads(response.body)["detail"] == (
        "You have sent more than 1000 requests in a minute. Try again in 1 s."
    )
    # Others go on, and so do the user's pages.
    assert (await site.fetch("GET", TASKS, token="bob")).code == 200
    assert (await site.fetch("GET", "")).code == 200
