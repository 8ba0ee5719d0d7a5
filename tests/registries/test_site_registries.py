"""`c.Rosetta.registries`: what is accepted, and whose account counts."""

import re
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.catalogue.registries import Registry, load_registries, registry_host
from rosetta_hub.config import Rosetta
from rosetta_hub.errors import ConfigError

HOST = "registry.example.org:5000"


def entry(**keys: Any) -> dict[str, Any]:
    return {"host": HOST, **keys}


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Registry.Example.org:5000", "registry.example.org:5000"),
        ("localhost:5000", "localhost:5000"),
        ("[::1]:5000", "[::1]:5000"),
        ("docker.io", "docker.io"),
        ("index.docker.io", "docker.io"),
        ("", "docker.io"),
    ],
)
def test_a_host_has_one_spelling(text: str, host: str) -> None:
    assert registry_host(text) == host


@pytest.mark.parametrize(
    "text", ["https://registry.example.org", "a/b", "user@host", "-h", "a b", "host:port"]
)
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"registry\.example\.org:5000"):
        registry_host(text)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"user": "robot"}, "'user' and 'password_file' go together"),
        ({"user": "a:b", "password_file": "/p"}, "colon"),
        ({"plain_http": True, "ca_file": "/ca"}, "'ca_file' is for registries with TLS"),
        ({"password": "secret"}, "unknown key 'password'"),
    ],
)
def test_contradictions_are_refused(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        load_registries([entry(**keys)])


def test_entries_of_a_host_agree_on_how_it_is_reached() -> None:
    with pytest.raises(ConfigError, match=r"entry 2: 'ca_file' and 'plain_http'.* differ"):
        load_registries([entry(), entry(plain_http=True)])


def test_the_first_account_that_is_meant_for_the_user_counts() -> None:
    files = {"password_file": "/password"}
    registries = load_registries(
        [
            entry(groups=["physics"]),
            entry(user="physics", groups=["physics"], **files),
            entry(user="ada", users=["ada"], **files),
            entry(user="all", **files),
        ]
    )

    def account(user: str, *groups: str) -> str | None:
        result = registries.account(HOST, user, set(groups))
        return result.user if result else None

    assert account("ada", "physics") == "physics"
    assert account("ada") == "ada"
    assert account("bob", "biology") == "all"
    assert registries.account("elsewhere", "ada", set()) is None


def test_a_password_is_read_for_each_pull_without_its_line_end(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(" two words \n")
    registry = Registry.model_validate(entry(user="robot", password_file=str(file)))
    assert registry.read_password() == " two words "
    file.write_text("new")
    assert registry.read_password() == "new"


@pytest.mark.parametrize("key", ["password_file", "ca_file"])
def test_files_are_looked_at_when_the_hub_starts(key: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    keys = {"user": "robot", "password_file": str(file), key: str(file)}
    settings = Rosetta(tasks_url="http://127.0.0.1", registries=[entry(**keys)])
    with pytest.raises(ConfigError, match=f"key '{key}': the file .* can't be read"):
        settings.check()
    settings.check(files=False)
    file.write_text("")
    with pytest.raises(ConfigError, match=f"key '{key}': the file"):
        settings.check()
