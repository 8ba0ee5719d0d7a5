"""Spaces and tokens of the registry beside the hub."""

import base64
import itertools
import time
from pathlib import Path

import pytest
from cryptography import x509

from rosetta_hub.config import Rosetta
from rosetta_hub.errors import ConfigError
from rosetta_hub.keys import Keys
from rosetta_hub.registries.config_file import build_registry_config
from rosetta_hub.registries.hub_registry import (
    HubRegistry,
    Scope,
    load_registry,
    parse_scopes,
    read_certificate,
)
from rosetta_hub.registries.references import parse_reference
from rosetta_hub.registries.spaces import group_space, is_within, spaces_of, user_space

from .tokens import read_token

NAMES = ["alice", "Alice", "a.b", "a..b", "a@b", "a b", "groups", "é", "a--b", "-", "x" * 200]


@pytest.fixture
def registry(tmp_path: Path) -> HubRegistry:
    return load_registry("images.example.org", tmp_path, Keys(tmp_path))


@pytest.mark.parametrize("name", NAMES)
def test_each_name_has_a_space_that_registries_accept(name: str) -> None:
    for space in (user_space(name), group_space(name)):
        reference = parse_reference(f"images.example.org/{space}/app:1")
        assert reference.repository == f"{space}/app"
        assert is_within(f"{space}/app", [space])


def test_no_two_names_share_a_space() -> None:
    # A name that looks like the space of another one is a name like any other.
    names = [*NAMES, *(user_space(name) for name in NAMES if user_space(name) != name)]
    spaces = [user_space(name) for name in names] + [group_space(name) for name in names]
    for first, second in itertools.combinations(spaces, 2):
        assert first != second
        assert not is_within(f"{first}/app", [second])


def test_a_space_itself_is_no_repository() -> None:
    spaces = spaces_of("alice", {"physics"})
    assert spaces == ["alice", "groups/physics"]
    assert is_within("alice/a/b", spaces)
    for name in ("alice", "alicex/app", "groups", "groups/physics", "groups/other/x", "", "/"):
        assert not is_within(name, spaces), name


@pytest.mark.parametrize(
    ("texts", "scopes"),
    [
        (["repository:a/b:pull"], [Scope("a/b", frozenset({"pull"}))]),
        (["repository:a/b:pull,push,*"], [Scope("a/b", frozenset({"pull", "push"}))]),
        (["repository:h:5000/a/b:pull"], [Scope("h:5000/a/b", frozenset({"pull"}))]),
        (
            ["repository:a/b:pull repository:c/d:push", "repository:e/f:pull"],
            [
                Scope("a/b", frozenset({"pull"})),
                Scope("c/d", frozenset({"push"})),
                Scope("e/f", frozenset({"pull"})),
            ],
        ),
        (["registry:catalog:*", "repository", "repository:x", ""], []),
    ],
)
def test_scopes_are_read(texts: list[str], scopes: list[Scope]) -> None:
    assert parse_scopes(texts) == scopes


def test_the_registry_finds_its_certificate_in_each_token(
    registry: HubRegistry, tmp_path: Path
) -> None:
    """It compares the bytes, so they stay the same."""
    keys = Keys(tmp_path)
    token = registry.grant("alice", set(), [], {"pull"})
    header = read_token(token, keys).header
    certificate = x509.load_der_x509_certificate(base64.b64decode(header["x5c"][0]))
    assert read_certificate(tmp_path, keys) == certificate
    # A secret that was replaced has another key.
    (tmp_path / "rosetta_secret").write_text("ab" * 32)
    assert read_certificate(tmp_path, Keys(tmp_path)) != certificate


def test_a_password_of_a_task_ends(
    registry: HubRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = registry.pull_login("alice", {"physics"}, "alice/app")
    login = registry.read_login(password)
    assert login is not None
    assert (login.user, login.groups, login.repository) == (
        "alice",
        frozenset({"physics"}),
        "alice/app",
    )
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 13 * 3600)
    assert registry.read_login(password) is None


def test_only_passwords_of_tasks_are_taken_for_one(registry: HubRegistry, tmp_path: Path) -> None:
    """What the registry accepts, the token server does not, and the other way round."""
    token = registry.grant("alice", set(), [Scope("alice/a", frozenset({"pull"}))], {"pull"})
    password = registry.pull_login("alice", set())
    other = load_registry("images.example.org", tmp_path / "other", Keys(tmp_path / "other"))
    wrong = ["", "x", token, f"rosetta-task.{token}", "rosetta-task.", password[:-4] + "AAAA"]
    wrong.append(other.pull_login("alice", set()))
    assert [registry.read_login(text) for text in wrong] == [None] * len(wrong)
    assert registry.read_login(password) is not None
    assert "alice" not in repr(registry)


def test_the_configuration_names_the_token_server(registry: HubRegistry) -> None:
    settings = Rosetta(hub_url="https://hub.example.org/jupyter")
    text = build_registry_config(settings, registry, address=":5000")
    assert 'realm: "https://hub.example.org/jupyter/services/rosetta/registry/token"' in text
    assert 'service: "images.example.org"' in text
    assert f'issuer: "{registry.issuer}"' in text


def test_the_hubs_registry_is_reached_as_the_option_says() -> None:
    settings = Rosetta(registry={"host": "images.example.org", "ca_file": "/ca"})
    match = settings.site_registries().find("images.example.org")
    assert match is not None
    assert (match.ca_file, match.user) == ("/ca", "")
    for wrong in ({"host": "docker.io"}, {"host": "https://x"}, {"name": "x"}):
        with pytest.raises(ConfigError, match=r"c\.Rosetta\.registry"):
            Rosetta(registry=wrong).hub_registry()
