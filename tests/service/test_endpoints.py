"""Whose account a task uses, and what opens it."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from asyncssh import import_public_key

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.config import Rosetta
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.keys import Keys
from rosetta_hub.resources.endpoints import ACCEPTED_HOST_KEYS
from rosetta_hub.resources.resource_builder import ResourceBuilder, Resources
from rosetta_hub.ssh.host_keys import build_known_hosts_line, find_pinned_keys
from rosetta_hub.ssh.keys import generate_key_pair
from rosetta_hub.tunnels.client import TunnelsClient
from rosetta_hub.users.identities import Identities
from tests.support.databases import open_sqlite

HOST: dict[str, Any] = {
    "name": "Host",
    "access_mode": "ssh",
    "container_engines": ["podman"],
    "conf": {"host": "host.example.org", "known_hosts": "host.example.org ssh-ed25519 AAAA\n"},
}


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(generate_key_pair("test").private_key)
    return path


def build(tmp_path: Path, *computing: dict[str, Any]) -> tuple[Resources, Identities]:
    settings = Rosetta(state_dir=str(tmp_path), computing=list(computing))
    keys = Keys(tmp_path)
    database = open_sqlite(tmp_path)
    identities = Identities(database, keys, settings)
    tunnels = TunnelsClient(tmp_path / "tunnels.sock")
    return ResourceBuilder(settings, keys, identities, tunnels).build(), identities


def changed(**conf: object) -> dict[str, Any]:
    return {**HOST, "conf": {"host": "host.example.org", **conf}}


def test_a_user_without_an_account_is_told_what_to_do(tmp_path: Path) -> None:
    resources, identities = build(tmp_path, HOST)
    endpoints = resources.endpoints["host"]
    with pytest.raises(ResourceUnavailable, match="Account"):
        endpoints.endpoint("alice")
    identities.set_remote_user(User("alice"), "host", "asmith")
    result = endpoints.endpoint("alice")
    assert (result.username, result.identity, result.certificate) == ("asmith", "user alice", None)
    assert "PRIVATE KEY" in result.private_key
    assert "PRIVATE KEY" not in repr(result)


def test_accepted_host_keys_count_for_hosts_that_are_not_pinned(tmp_path: Path) -> None:
    keys = [generate_key_pair("test").public_key for _ in range(4)]
    resources, identities = build(
        tmp_path, changed(known_hosts=build_known_hosts_line("host.example.org", 22, keys[0]))
    )
    identities.set_remote_user(User("alice"), "host", "alice")
    accepted = [
        build_known_hosts_line("host.example.org", 22, keys[1]),
        build_known_hosts_line("host.example.org", 2222, keys[2]),
        build_known_hosts_line("gate.example.org", 22, keys[3]),
    ]
    (tmp_path / ACCEPTED_HOST_KEYS).write_text("\n".join(accepted) + "\n")
    known_hosts = resources.endpoints["host"].endpoint("alice").known_hosts
    pinned = [
        find_pinned_keys(known_hosts, *host)
        for host in (("host.example.org", 22), ("host.example.org", 2222), ("gate.example.org", 22))
    ]
    expected = (keys[0], keys[2], keys[3])
    assert pinned == [[import_public_key(key).get_fingerprint()] for key in expected]


def test_the_platform_has_one_account(tmp_path: Path, key_file: Path) -> None:
    resource = {**changed(user="hub", key_file=str(key_file)), "auth_mode": "platform_keys"}
    resources, _ = build(tmp_path, resource)
    result = resources.endpoints["host"].endpoint("alice")
    assert (result.username, result.identity) == ("hub", "platform")
    assert result.private_key == key_file.read_text()
    key_file.unlink()
    with pytest.raises(ResourceUnavailable, match="can't be read"):
        resources.endpoints["host"].endpoint("alice")


def test_a_ca_vouches_for_users_and_not_for_the_system(tmp_path: Path, key_file: Path) -> None:
    resources, _ = build(tmp_path, changed(ca_key_file=str(key_file)))
    endpoints = resources.endpoints["host"]
    text = endpoints.endpoint("alice").certificate
    assert endpoints.endpoint("alice").certificate == text
    stdout = subprocess.run(
        ["ssh-keygen", "-L", "-f", "-"], input=text, capture_output=True, text=True, check=True
    ).stdout
    assert re.search(r"Principals:\s+alice\n", stdout)
    with pytest.raises(ResourceUnavailable, match="does not vouch"):
        endpoints.endpoint("root")


def test_tokens_vouch_for_users_and_not_for_the_system(tmp_path: Path, key_file: Path) -> None:
    resource = {
        "name": "Rest",
        "access_mode": "api",
        "wms": "slurmrest",
        "container_engines": ["singularity"],
        "conf": {"url": "http://127.0.0.1:1", "jwt_key_file": str(key_file)},
    }
    resources, _ = build(tmp_path, resource)
    queue = resources.queues["rest"]
    assert queue.remote_user("alice") == "alice"
    with pytest.raises(ResourceUnavailable, match="does not vouch"):
        queue.remote_user("root")
