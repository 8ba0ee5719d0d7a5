"""Time zone and language of dates, and what groups give."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rosetta_hub.catalogue.catalogue import load_catalogue
from rosetta_hub.software.settings import UserSoftwareRules
from rosetta_hub.users.dates import DateChoices, DateSettings, find_zone, format_clock, zone_of
from rosetta_hub.users.groups import group_views
from tests.support.catalogues import LOCAL

from .account import Site, tag
from .account import site as site

EVENING = datetime(2026, 11, 1, 17, 30, tzinfo=UTC)


async def test_choices_are_kept_and_are_on_each_page(site: Site) -> None:
    _, first = await site.call("GET", "account/dates")
    assert (first["time_zone"], first["language"]) == (None, None)
    document = {"time_zone": "Europe/Berlin", "language": "de"}
    status, choice = await site.call("PUT", "account/dates", document, match=tag(first))
    assert (status, document.items() <= choice.items()) == (200, True)
    assert await site.call("GET", "account/dates", token="reads-only") == (200, choice)
    page = await site.fetch("GET", "account", None, "of-alice")
    assert b'data-time-zone="Europe/Berlin" data-language="de"' in page.body
    page = await site.fetch("GET", "account", None, "of-bob")
    assert b'data-time-zone="" data-language=""' in page.body


async def test_choices_of_another_window_are_not_overwritten(site: Site) -> None:
    _, first = await site.call("GET", "account/dates")
    response = await site.fetch("PUT", "api/v1/account/dates", {"language": "de"}, "of-alice")
    present = json.loads(response.body)
    assert response.headers["ETag"] == tag(present)
    for match, expected in ((tag(first), 412), ("", 428)):
        status, _ = await site.call("PUT", "account/dates", {"language": "fr"}, match=match)
        assert status == expected
    assert await site.call("GET", "account/dates") == (200, present)
    status, _ = await site.call("PUT", "account/dates", {"language": "fr"}, match=tag(present))
    assert status == 200


@pytest.mark.parametrize(
    "body",
    [
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../../etc/passwd"},
        {"time_zone": "/etc/localtime"},
        {"time_zone": ""},
        {"time_zone": 1},
        {"language": "german language"},
        {"language": "de-x" * 10},
        {"language": "<b>"},
        {"zone": "UTC"},
    ],
)
async def test_what_is_no_choice(site: Site, body: dict[str, Any]) -> None:
    assert (await site.call("PUT", "account/dates", body))[0] == 422


def test_mails_say_times_in_the_zone_of_their_reader(site: Site) -> None:
    dates = DateSettings(site.database)
    dates.set("alice", DateChoices(time_zone="America/St_Johns"))
    dates.set("bob", DateChoices(language="de"))
    with site.database.session() as session:
        values = [
            format_clock(EVENING, zone_of(session, user)) for user in ("alice", "bob", "carol")
        ]
    assert values == ["14:00 (America/St_Johns)", "17:30 UTC", "17:30 UTC"]


@pytest.mark.parametrize("name", ["UTC", "Etc/GMT+5", "America/Argentina/Buenos_Aires"])
def test_zones(name: str) -> None:
    zone = find_zone(name)
    assert zone is not None
    assert zone.key == name


async def test_groups_over_http(site: Site) -> None:
    _, result = await site.call("GET", "account/groups", token="in-groups")
    values = [(group["name"], group["any_protocol"]) for group in result["groups"]]
    assert values == [("staff", True), ("team", False)]
    assert await site.call("GET", "account/groups") == (200, {"groups": []})


def test_what_groups_give() -> None:
    software: list[dict[str, Any]] = [
        {"name": "Echo", "image_name": "echo", "image_tag": "1", "groups": ["team"]},
        {"name": "Echo", "image_name": "echo", "image_tag": "2", "groups": ["team", "other"]},
        {"name": "Open", "image_name": "open", "image_tag": "1"},
    ]
    limited = {**LOCAL, "id": "gpus", "name": "GPUs", "groups": ["team"]}
    storage = {
        **{"id": "data", "name": "Data", "base_path": "/data", "bind_path": "/data"},
        **{"computing": "local", "groups": ["other"]},
    }
    catalogue = load_catalogue(software, [LOCAL, limited], {}, [storage])
    views = group_views(frozenset({"team", "other", "none"}), catalogue, UserSoftwareRules())
    assert [
        (view.name, view.software, view.computing, view.storages, view.any_protocol)
        for view in views
    ] == [
        ("none", [], [], [], False),
        ("other", ["Echo"], [], ["Data"], False),
        ("team", ["Echo"], ["GPUs"], [], False),
    ]
