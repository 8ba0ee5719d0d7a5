"""The form: what is shown, and what comes back."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from traitlets.config import Config

from rosetta_hub.keys import Keys
from rosetta_spawners import RosettaSpawner
from rosetta_spawners.errors import StartRefused
from rosetta_spawners.form import chosen_fields, native_fields, render_form, take_preset
from tests.support.ports import free_port

from .fakes import FakeGroup, FakeUser, rosetta_config, spawner_arguments
from .stub import StubService

UNKNOWN = "Software of your own and of your groups can't be shown now."

FAMILY = {
    "id": "web",
    "name": "Web <2>",
    "description": 'Serves "files" & more',
    "logo": "",
    "tags": ["http"],
    "kind": "container",
    "interface": {"protocol": "http"},
    "versions": [{"tag": "1", "default": True, "computing": []}],
    "computing": [],
}


def test_own_form_is_html_and_the_rest_is_text() -> None:
    native = FAMILY | {"id": "old", "kind": "native", "versions": []}
    html = render_form([FAMILY, native], {"old": "<input name='flavour'>"}, "/s/static", "al<ice")
    assert "Web &lt;2&gt;" in html
    assert "<input name='flavour'>" in html
    assert "/s/static" in html
    assert "al<ice" not in html


def test_empty_catalogue() -> None:
    assert "empty" in render_form([], {}, "/s", "alice")


def test_chosen_fields() -> None:
    form = {"software": ["web", "x"], "cpus": [""], "other": ["1"], "_xsrf": ["t"], "name": []}
    assert chosen_fields(form) == {"software": "web", "cpus": ""}


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"software": ["old"], "name": ["Mine"], "_xsrf": ["t"]}, {}),
        ({"software": ["old"], "flavour": ["a", "b"]}, {"flavour": ["a", "b"]}),
        # Without scripts the page sends all of its own fields, empty.
        ({"software": ["old"], "memory": [""], "cpus": [""]}, {}),
        # A native form with fields of the same names.
        ({"software": ["old"], "memory": ["4G"]}, {"memory": ["4G"]}),
        ({"software": ["old", "conda"], "name": ["", "n"]}, {"software": ["conda"], "name": ["n"]}),
        ({"software": ["old"], "key_file": [{"body": b"x"}]}, {"key_file": [{"body": b"x"}]}),
    ],
)
def test_native_fields(form: dict[str, list[str]], expected: dict[str, list[str]]) -> None:
    assert native_fields(form) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("next=/hub/home&display_name=x&_xsrf=t", {}),
        ("software=web&cpus=2&cpus=4&next=/", {"software": "web", "cpus": "2"}),
        ("opt-software=web&cpus=2", {"software": "web"}),
        ("opt-=x&name=%ff", {"": "x"}),
        ("name=%ff", {"name": "\ufffd"}),
    ],
)
def test_take_preset(query: str, expected: dict[str, str]) -> None:
    line = RequestStartLine("GET", f"/hub/spawn/alice?{query}", "HTTP/1.1")
    headers = HTTPHeaders({"Host": "hub.example"})
    request = HTTPServerRequest(start_line=line, headers=headers, connection=Mock())
    assert take_preset(request) == expected
    # What the hub would start a server with is gone; what it reads by name is not.
    assert request.query_arguments == {}
    assert ("next" in request.arguments) == ("next=" in query)


def test_preset_is_text() -> None:
    html = render_form([FAMILY], {}, "/s", "alice", {"software": "web", "name": '"><script>'})
    assert "<script>" not in html.replace('<script type="module"', "")
    assert "checked" in html


def storages_config(tmp_path: Path) -> Config:
    """A hub whose users have a home and a scratch, and may bind what is in /data."""
    config = rosetta_config(str(tmp_path))
    here, *others = config.Rosetta.computing
    config.Rosetta.computing = [here | {"extra_binds": ["/data/*"]}, *others]
    base = {"computing": "here", "base_path": "/srv/$USER"}
    config.Rosetta.storages = [
        base | {"name": "Home", "bind_path": "/home/metauser", "home": True},
        base | {"name": "Scratch", "bind_path": "/scratch"},
    ]
    return config


async def test_storages_of_the_form(tmp_path: Path) -> None:
    spawner = RosettaSpawner(**spawner_arguments(storages_config(tmp_path)))
    form = await spawner.get_options_form()
    assert "/home/metauser" in form
    fields = {
        "software": ["web"],
        "computing": ["here"],
        "without_storages": ["home,scratch"],
        "binds": ["/data/m31:/m31,/data/m33:/m33"],
    }
    options = await spawner.run_options_from_form(fields)
    # As the hub keeps them in its database, and sends them to the service.
    assert json.loads(json.dumps(options)) == {
        "software": "web",
        "computing": "here",
        "without_storages": ["home", "scratch"],
        "binds": ["/data/m31:/m31", "/data/m33:/m33"],
    }


async def test_a_time_of_the_form_can_be_stored(tmp_path: Path) -> None:
    spawner = RosettaSpawner(**spawner_arguments(storages_config(tmp_path)))
    at = "2031-01-02T09:00:00.000Z"
    fields = {"software": ["web"], "computing": ["here"], "stop_at": [at], "stop_after": [""]}
    options = await spawner.run_options_from_form(fields)
    stored = {"software": "web", "computing": "here", "stop_at": "2031-01-02T09:00:00Z"}
    assert json.loads(json.dumps(options)) == stored


async def test_binds_of_the_form_that_are_refused(tmp_path: Path) -> None:
    spawner = RosettaSpawner(**spawner_arguments(storages_config(tmp_path)))
    with pytest.raises(StartRefused, match=r"'/etc' can't be bound on .*: it is not in /data"):
        await spawner.run_options_from_form(
            {"software": ["web"], "computing": ["here"], "binds": ["/etc:/x"]}
        )


# --- software that only the service knows ---------------------------------------------------------

OWN = FAMILY | {"id": "mine-1a2b3c", "name": "Mine"}


@pytest.fixture
async def stub(tmp_path: Path) -> AsyncIterator[StubService]:
    """The service."""
    service = StubService(Keys(tmp_path).spawner_key, free_port())
    service.up()
    yield service
    await service.down()


def spawner_of(tmp_path: Path, stub: StubService) -> RosettaSpawner:
    """A spawner of a user in a group, at that service."""
    user = FakeUser(groups=[FakeGroup("team")])
    return RosettaSpawner(**spawner_arguments(rosetta_config(str(tmp_path), stub.url), user=user))


async def test_the_form_has_the_users_software(tmp_path: Path, stub: StubService) -> None:
    stub.families = [FAMILY, OWN]
    form = await spawner_of(tmp_path, stub).get_options_form()
    assert "mine-1a2b3c" in form
    assert UNKNOWN not in form
    (request,) = stub.forms
    assert request == {
        "user": "alice",
        "groups": ["team"],
        "admin": False,
        "created": "2026-11-01T12:00:00.123456Z",
    }


async def test_the_form_without_a_service_says_what_is_missing(
    tmp_path: Path, stub: StubService
) -> None:
    spawner = spawner_of(tmp_path, stub)
    stub.raw = (500, "<html>")
    assert UNKNOWN in await spawner.get_options_form()
    await stub.down()
    form = await spawner.get_options_form()
    assert UNKNOWN in form
    assert "web" in form


async def test_native_software_that_the_hub_does_not_know_is_not_shown(
    tmp_path: Path, stub: StubService
) -> None:
    stub.families = [FAMILY, FAMILY | {"id": "gone", "name": "Removed", "kind": "native"}]
    assert "Removed" not in await spawner_of(tmp_path, stub).get_options_form()


async def test_options_of_the_users_software_are_checked_by_the_service(
    tmp_path: Path, stub: StubService
) -> None:
    spawner, fields = spawner_of(tmp_path, stub), {"software": [OWN["id"]], "memory": ["2G"]}
    stub.families = [OWN]
    options = await spawner.run_options_from_form(fields)
    assert options == {"software": OWN["id"], "memory": 2 << 30}
    assert stub.forms[0]["options"] == options
    stub.families = []
    with pytest.raises(StartRefused, match="There is no such software") as error:
        await spawner.run_options_from_form(fields)
    assert error.value.status_code == 422
    with pytest.raises(StartRefused, match="memory"):
        await spawner.run_options_from_form(fields | {"memory": ["much"]})
    await stub.down()
    # The start tells, or waits for the service.
    assert await spawner.run_options_from_form(fields) == options
