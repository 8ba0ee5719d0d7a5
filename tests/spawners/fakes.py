"""What a hub gives its spawners, without a hub."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jupyterhub.objects import Server
from traitlets.config import Config


@dataclass
class FakeGroup:
    """A group of the hub."""

    name: str


@dataclass
class FakeUser:
    """A user of the hub."""

    name: str = "alice"
    admin: bool = False
    groups: list[FakeGroup] = field(default_factory=list)
    url: str = "/user/alice/"
    created: datetime = datetime(2026, 11, 1, 12, 0, 0, 123456)


@dataclass
class FakeRow:
    """A spawner's row in the hub's database."""

    name: str = "one"
    server: Any = None


@dataclass
class FakeHub:
    """The hub's own address."""

    base_url: str = "/hub/"
    public_host: str = ""
    api_url: str = "http://127.0.0.1:1/hub/api"


def spawner_arguments(config: Config, **more: Any) -> dict[str, Any]:
    """As the hub makes a spawner (`User._new_spawner`)."""
    return {
        "user": FakeUser(),
        "orm_spawner": FakeRow(),
        "hub": FakeHub(),
        "config": config,
        "user_options": {},
    } | more


def running(spawner: Any, url: str = "http://127.0.0.1:1/user/alice/one/") -> None:
    """Have the hub say that this spawner's server runs."""
    spawner.orm_spawner = None
    spawner._server = Server.from_url(url)


def rosetta_config(state_dir: str, service_url: str = "http://127.0.0.1:1", **more: Any) -> Config:
    """A hub's configuration with a small catalogue."""
    return Config(
        Rosetta={
            "state_dir": state_dir,
            "service_url": service_url,
            "tasks_url": "http://tasks.example",
            "computing": [
                {"id": "here", "name": "Here", "container_engines": ["docker[runc,runsc]"]},
                {
                    "id": "big",
                    "name": "Big",
                    "description": "A large machine.",
                    "container_engines": ["podman", "apptainer"],
                    "max_cpus": 8,
                    "max_memory": "16G",
                    "default_cpus": 1,
                    "default_memory": "1G",
                    "groups": ["staff"],
                },
            ],
            "software": [
                {"id": "web", "name": "Web", "image_name": "w", "image_tag": "1"},
                {
                    "id": "web",
                    "name": "Web",
                    "description": "A web server.",
                    "keywords": ["http", "files"],
                    "image_name": "w",
                    "image_tag": "2",
                    "default": True,
                    "computing": ["here"],
                },
                {
                    "id": "old",
                    "name": "Old",
                    "kind": "native",
                    "spawner_class": "simple",
                    "spawner_config": {"environment": {"FROM": "entry"}, "start_timeout": 5},
                },
                {
                    "id": "staff",
                    "name": "Staff",
                    "kind": "native",
                    "spawner_class": "jupyterhub.spawner.SimpleLocalProcessSpawner",
                    "groups": ["staff"],
                },
            ],
        },
        **more,
    )
