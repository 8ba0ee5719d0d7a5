"""A wrapper and its child: one truth, and nothing of it left over."""

from pathlib import Path
from typing import Any

import pytest
from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner, Spawner
from traitlets import Callable as CallableTrait
from traitlets import Unicode, Union

from rosetta_hub.hub.native_spawners import PREVIOUS_FAMILY, find_class
from rosetta_spawners import RosettaSpawner, TaskSpawner
from rosetta_spawners.child import HUB_FLAGS
from rosetta_spawners.errors import StartRefused

from .fakes import rosetta_config, running, spawner_arguments

SIMPLE: dict[str, Any] = {
    "SimpleLocalProcessSpawner": {"http_timeout": 44, "start_timeout": 33, "port": 4}
}


def wrapper(tmp_path: Path, **more: Any) -> RosettaSpawner:
    config = rosetta_config(str(tmp_path), **SIMPLE, Spawner={"start_timeout": 99})
    return RosettaSpawner(**spawner_arguments(config, **more))


def test_find_class() -> None:
    assert find_class("simple") is SimpleLocalProcessSpawner
    assert find_class("jupyterhub.spawner.LocalProcessSpawner") is LocalProcessSpawner


async def test_a_link_starts_nothing(tmp_path: Path) -> None:
    with pytest.raises(StartRefused, match="press Start"):
        await wrapper(tmp_path).options_from_query({"software": ["web"]})


def test_flags_are_the_hubs() -> None:
    assert {"_start_pending", "_stop_pending", "_spawn_pending", "_check_pending"} <= HUB_FLAGS
    assert "_server" not in HUB_FLAGS


def test_configuration_of_the_child_reaches_the_hub(tmp_path: Path) -> None:
    spawner = wrapper(tmp_path, user_options={"software": "old", "spawner_options": {"a": [1]}})
    assert spawner.start_timeout == 99
    child = spawner.construct_child()
    assert type(child) is SimpleLocalProcessSpawner
    # The entry goes before the class, and that before `c.Spawner`.
    assert (spawner.start_timeout, spawner.http_timeout, spawner.port) == (5, 44, 4)
    assert child.user_options == {"a": [1]}
    child.port = 4711
    child.api_token = "reused"
    assert (spawner.port, spawner.api_token) == (4711, "reused")
    spawner.api_token = "token"
    spawner.environment["HOOK"] = "yes"
    spawner._start_pending = True
    assert child.api_token == "token"
    assert child.environment == {"FROM": "entry", "HOOK": "yes"}
    assert child._start_pending is True
    assert child.orm_spawner is spawner.orm_spawner
    assert child.name == "one"


def test_nothing_is_left_for_the_next_start(tmp_path: Path) -> None:
    spawner = wrapper(tmp_path, user_options={"software": "old", "spawner_options": {"a": [1]}})
    before = {
        name: getattr(spawner, name)
        for name in Spawner.class_trait_names(config=True)
        if spawner.has_trait(name)
    }
    first = spawner.construct_child()
    spawner.environment["HOOK"] = "yes"
    first.user_options["a"].append(2)
    first.pid = 12
    spawner.clear_state()
    after = {name: getattr(spawner, name) for name in before}
    assert after == before
    assert spawner.get_state() == {}
    assert spawner.user_options == {"software": "old", "spawner_options": {"a": [1]}}
    spawner.api_token = "next"
    assert first.api_token == ""
    second = spawner.construct_child()
    assert second is not first
    assert second.environment == {"FROM": "entry"}
    assert second.pid == 0
    spawner.clear_state()
    spawner.user_options = {"software": "web"}
    third = spawner.construct_child()
    assert type(third) is TaskSpawner
    assert (spawner.start_timeout, spawner.http_timeout) == (99, third.http_timeout)
    assert third.environment == {}
    assert third.user_options == {"software": "web"}
    assert spawner.get_state() == {"software": "", "child_state": {}}


def test_state_of_a_running_server_is_restored(tmp_path: Path) -> None:
    state = {
        "software": "gone-from-the-catalogue",
        "spawner_class": "jupyterhub.spawner.SimpleLocalProcessSpawner",
        "child_state": {"pid": 4242},
    }
    spawner = wrapper(tmp_path)
    running(spawner)
    spawner.load_state(state)
    assert spawner.child_spawner.pid == 4242
    assert spawner.get_state() == state


def previous(tmp_path: Path, keep: bool = True, **more: Any) -> RosettaSpawner:
    """A wrapper in a hub that had `KeepingSpawner` before."""
    config = rosetta_config(str(tmp_path))
    config.Rosetta.previous_spawner = KeepingSpawner
    if keep:
        family = PREVIOUS_FAMILY | {"spawner_class": KeepingSpawner}
        config.Rosetta.software = [family, *config.Rosetta.software]
    return RosettaSpawner(**spawner_arguments(config, **more))


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("options", [{}, {"flavour": "sweet"}])
def test_server_that_ran_before_the_installation(
    tmp_path: Path, keep: bool, options: dict[str, Any]
) -> None:
    spawner = previous(tmp_path, keep, user_options=options)
    running(spawner, "http://127.0.0.1:4711/user/alice/")
    spawner.load_state({"pid": 4242, "volume": "v1"})
    child = spawner.child_spawner
    assert type(child) is KeepingSpawner
    assert (child.pid, child.volume, child.user_options) == (4242, "v1", options)
    # As it was, so that the hub finds it again when Rosetta Hub is removed.
    assert spawner.get_state() == {"pid": 4242, "volume": "v1"}
    spawner.clear_state()
    assert spawner.get_state() == {"volume": "v1"}


def test_server_that_had_stopped_before_the_installation(tmp_path: Path) -> None:
    spawner = previous(tmp_path)
    spawner.load_state({"volume": "v1"})
    spawner.clear_state()
    child = spawner.construct_child()
    assert (type(child), child.volume) == (KeepingSpawner, "v1")


def test_state_of_another_wrapper(tmp_path: Path) -> None:
    """wrapspawner's own class stores a `child_state`, too."""
    spawner = previous(tmp_path)
    running(spawner)
    state = {"child_conf": {}, "child_state": {"pid": 1}, "profile": "local"}
    spawner.load_state(state)
    assert type(spawner.child_spawner) is KeepingSpawner


@pytest.mark.parametrize("options", [{}, {"flavour": "sweet"}])
def test_start_that_names_no_software(tmp_path: Path, options: dict[str, Any]) -> None:
    child = previous(tmp_path, user_options=options).construct_child()
    assert (type(child), child.user_options) == (KeepingSpawner, options)
    hidden = previous(tmp_path, keep=False, user_options=options)
    assert type(hidden.construct_child()) is TaskSpawner


def test_start_of_the_previous_spawner_by_name(tmp_path: Path) -> None:
    options = {"software": "previous-spawner", "spawner_options": {"flavour": "sweet"}}
    child = previous(tmp_path, user_options=options).construct_child()
    assert (type(child), child.user_options) == (KeepingSpawner, {"flavour": "sweet"})
    spawner = previous(tmp_path, user_options=options | {"spawner_options": "sweet"})
    with pytest.raises(StartRefused, match="must be an object"):
        spawner.construct_child()


def test_hub_killed_in_a_start_finds_the_task(tmp_path: Path) -> None:
    spawner = wrapper(tmp_path, user_options={"software": "web"})
    running(spawner)
    spawner.load_state({})
    assert type(spawner.child_spawner) is TaskSpawner
    idle = wrapper(tmp_path, user_options={"software": "web"})
    idle.load_state({})
    assert idle.child_spawner is None


def test_entry_of_others_is_no_choice(tmp_path: Path) -> None:
    spawner = wrapper(tmp_path, user_options={"software": "staff"})
    assert type(spawner.construct_child()) is TaskSpawner


class KeepingSpawner(SimpleLocalProcessSpawner):
    """Keeps something from one start to the next, as spawners of resumable containers do."""

    volume = Unicode()

    def get_state(self) -> dict[str, Any]:
        state: dict[str, Any] = super().get_state()
        return state | {"volume": self.volume}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self.volume = state.get("volume", "")


def test_what_a_class_keeps_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rosetta_spawners.choice.find_class", lambda name: KeepingSpawner)
    spawner = wrapper(tmp_path, user_options={"software": "old"})
    child = spawner.construct_child()
    child.volume, child.pid = "v1", 7
    spawner.clear_state()
    state = spawner.get_state()
    assert state == {"software": "old", "child_state": {"volume": "v1"}}
    later = wrapper(tmp_path, user_options={"software": "old"})
    later.load_state(state)
    later.clear_state()
    assert (later.construct_child().volume, later.construct_child().pid) == ("v1", 0)
    other = wrapper(tmp_path, user_options={"software": "web"})
    other.load_state(state)
    other.clear_state()
    other.construct_child()
    assert other.get_state() == {"software": "", "child_state": {}}


class OddSpawner(SimpleLocalProcessSpawner):
    """Has given common traits another type, and made some of them properties."""

    mem_limit = Union([Unicode(), CallableTrait()], default_value="1G")
    start_timeout = Unicode("soon")

    @property
    def will_resume(self) -> bool:
        return True

    @property
    def http_timeout(self) -> int:
        return 7

    @property
    def cpu_limit(self) -> float:
        return self._cpus

    @cpu_limit.setter
    def cpu_limit(self, value: float) -> None:
        self._cpus = value


def test_class_that_has_redefined_traits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rosetta_spawners.choice.find_class", lambda name: OddSpawner)
    config = rosetta_config(str(tmp_path))
    config.Rosetta.software[2]["spawner_config"] = {}
    spawner = RosettaSpawner(**spawner_arguments(config, user_options={"software": "old"}))
    child = spawner.construct_child()
    assert (spawner.will_resume, spawner.http_timeout, spawner.start_timeout) == (True, 7, "soon")
    spawner.mem_limit = limit = lambda: "2G"
    spawner.cpu_limit = 1.5
    assert (child.mem_limit, spawner.cpu_limit) == (limit, 1.5)
    with pytest.raises(AttributeError):
        spawner.will_resume = False
    spawner.clear_state()
    assert (spawner.will_resume, spawner.http_timeout, spawner.mem_limit) == (False, 30, None)


def test_attributes_of_the_child_alone(tmp_path: Path) -> None:
    spawner = wrapper(tmp_path, user_options={"software": "old"})
    with pytest.raises(AttributeError, match="home_dir_template"):
        _ = spawner.home_dir_template
    child = spawner.construct_child()
    spawner.home_dir_template = "/x/{username}"
    assert child.home_dir_template == spawner.home_dir_template == "/x/{username}"
