"""Storages of Kubernetes clusters in the configuration."""

from collections.abc import Mapping
from typing import Any

import pytest

from rosetta_hub.agents.binds import check_binds
from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.catalogue.options import parse_options, resolve_options
from rosetta_hub.catalogue.storages import Storage
from rosetta_hub.errors import ConfigError, InvalidOptions, StorageRefused
from rosetta_hub.local_storages import local_storages

from .objects import entry

IMAGE = {"agent_image": "python:3.13"}
LOCAL = {"id": "local", "name": "Here", "container_engines": ["docker"]}
SOFTWARE = {"name": "Web", "image_name": "web", "any_user": True}


def home(**changes: Any) -> dict[str, Any]:
    """A home in a claim."""
    keys = {
        "id": "home",
        "name": "Home",
        "computing": "cloud",
        "claim": "homes",
        "base_path": "/$USER",
        "bind_path": "/home/metauser",
        "home": True,
        "owner": 1000,
    }
    return {key: value for key, value in {**keys, **changes}.items() if value is not None}


def load(*storages: dict[str, Any], conf: dict[str, Any] | None = None) -> Mapping[str, Storage]:
    resources = [entry(conf=IMAGE if conf is None else conf), LOCAL]
    return load_catalogue([SOFTWARE], resources, (), storages).storages


def test_a_home_in_a_claim() -> None:
    result = load(home(create=True))["home"]
    assert result.access_through_computing
    assert (result.claim_of("alice"), result.path("alice")) == ("homes", "/alice")


def test_a_claim_for_each_user_is_mounted_as_a_whole() -> None:
    result = load(home(claim="claim-$USER", base_path=None))["home"]
    assert (result.claim_of("alice"), result.path("alice")) == ("claim-alice", "/")
    with pytest.raises(StorageRefused, match="lowercase"):
        result.claim_of("Alice@example.org")


def test_a_directory_of_the_nodes() -> None:
    result = load(home(claim=None, base_path="/export/home/$USER", owner="system"))["home"]
    assert (result.claim_of("alice"), result.path("alice")) == ("", "/export/home/alice")


def test_directories_of_the_nodes_are_none_of_this_machine() -> None:
    storages = [home(claim=None, base_path="/export/$USER"), home(id="here", computing="local")]
    storages[1] |= {"claim": "", "base_path": "/srv/$USER"}
    catalogue = load_catalogue([], [entry(conf=IMAGE), LOCAL], (), storages)
    assert [storage.id for storage in local_storages(catalogue)] == ["here"]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"computing": "local"}, "Kubernetes"),
    ({"computing": ["cloud", "local"]}, "Kubernetes"),
    ({"computing": None, "bind_path": "", "home": False}, "'computing'"),
    ({"claim": "Homes"}, "name of a persistent volume claim"),
    ({"claim": "claim-$SSH_USER"}, "name of a persistent volume claim"),
    ({"claim": None, "base_path": None}, "'base_path' is required"),
    ({"claim": None, "base_path": "/"}, "all of the machine"),
    ({"claim": None, "base_path": "/homes/$USER", "create": True}, "can make the directory"),
    ({"base_path": "/", "create": True}, "can make the directory"),
    ({"base_path": "/$SSH_USER"}, "Use '\\$USER'"),
    ({"owner": "service"}, "'system'"),
    ({"owner": None, "bind_path": "", "home": False}, "'owner'"),
    ({"type": "s3", "computing": None}, "'bind_path' is not for"),
]


@pytest.mark.parametrize(("changes", "text"), REFUSED)
def test_what_could_not_be_used_is_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        load(home(**changes))


@pytest.mark.parametrize("changes", [{}, {"create": True}])
def test_programs_of_the_hub_need_an_image(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="agent_image"):
        load(home(**changes), conf={})


def test_files_that_are_reached_otherwise_need_no_image() -> None:
    ssh = {"access_through_computing": False, "access_mode": "ssh", "conf": {"host": "files.org"}}
    assert not load(home(**ssh), conf={})["home"].access_through_computing
    with pytest.raises(ConfigError, match="agent_image"):
        load(home(create=True, **ssh), conf={})


def test_what_is_only_read_needs_no_owner() -> None:
    data = home(owner=None, read_only=True, home=False, base_path=None, bind_path="/data")
    assert load(data)["home"].owner == "service"


ALICE = User("alice")


def test_users_without_an_account_are_refused_before_the_start() -> None:
    catalogue = load_catalogue([SOFTWARE], [entry(conf=IMAGE)], (), [home(owner="system")])
    spec = resolve_options(
        parse_options({"software": "web", "computing": "cloud"}), catalogue, ALICE
    )
    with pytest.raises(StorageRefused, match="no account 'no-such-user'"):
        check_binds(spec.storages, "no-such-user", spec.computing)


def test_users_choose_directories_of_the_nodes_below_what_is_allowed() -> None:
    resources = [entry(extra_binds=["/data/*"])]
    catalogue = load_catalogue([SOFTWARE], resources, ())
    document = {"software": "web", "computing": "cloud", "binds": "/data/m31:/m31"}
    (bind,) = resolve_options(parse_options(document), catalogue, ALICE).storages
    assert (bind.source, bind.within, bind.claim) == ("/data/m31", "/data", "")
    with pytest.raises(InvalidOptions, match="not in /data"):
        resolve_options(parse_options({**document, "binds": "/etc:/m31"}), catalogue, ALICE)
