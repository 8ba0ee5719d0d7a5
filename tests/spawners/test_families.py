"""The catalogue as pages and the REST API show it."""

from pathlib import Path
from typing import Any

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.catalogue.families import families_for
from rosetta_hub.config import Rosetta

from .fakes import rosetta_config

HERE = {
    "id": "here",
    "name": "Here",
    "description": "",
    "type": "standalone",
    "wms": "none",
    "auth_mode": "internal",
    "engines": [{"engine": "docker", "runtimes": ["runc", "runsc"]}],
    "limits": {"cpus": None, "memory": None},
    "defaults": {"engine": "docker", "cpus": None, "memory": None},
    "time": {"default": None, "max": None},
    "sizes": [],
    "extra_binds": [],
    "support": "native",
    "storages": [],
    "denied_storages": [],
}
BIG = {
    "id": "big",
    "name": "Big",
    "description": "A large machine.",
    "type": "standalone",
    "wms": "none",
    "auth_mode": "internal",
    "engines": [
        {"engine": "podman", "runtimes": []},
        {"engine": "singularity", "runtimes": []},
    ],
    "limits": {"cpus": 8.0, "memory": 16 << 30},
    "defaults": {"engine": "podman", "cpus": 1.0, "memory": 1 << 30},
    "time": {"default": None, "max": None},
    "sizes": [],
    "extra_binds": [],
    "support": "native",
    "storages": [],
    "denied_storages": [],
}


def version(tag: str, default: bool, *computing: dict[str, Any]) -> dict[str, Any]:
    """One of the image that `rosetta_config` has."""
    of_users = {"id": None, "revision": None, "refused": None}
    image = {"image": f"w:{tag}", "digest": None}
    where = {"computing": [*computing], "unavailable": []}
    return {"tag": tag, "default": default, **image, **of_users, **where}


def test_families_of_a_user(tmp_path: Path) -> None:
    catalogue = Rosetta(config=rosetta_config(str(tmp_path))).catalogue()
    web, old = families_for(catalogue, User("alice"))
    assert web == {
        "id": "web",
        "name": "Web",
        "description": "A web server.",
        "logo": "",
        "screenshot": "",
        "tags": ["http", "files"],
        "kind": "container",
        "interface": {"protocol": "http"},
        "owner": {"kind": "platform", "name": ""},
        "editable": False,
        "versions": [
            version("1", False, HERE),
            version("2", True, HERE),
        ],
        "computing": ["here"],
    }
    assert (old["id"], old["kind"], old["versions"], old["computing"]) == ("old", "native", [], [])


def test_families_of_the_staff(tmp_path: Path) -> None:
    catalogue = Rosetta(config=rosetta_config(str(tmp_path))).catalogue()
    families = families_for(catalogue, User("bob", frozenset({"staff"})))
    assert [family["id"] for family in families] == ["web", "old", "staff"]
    assert families[0]["versions"] == [
        version("1", False, HERE, BIG),
        version("2", True, HERE),
    ]
    assert families[0]["computing"] == ["here", "big"]
