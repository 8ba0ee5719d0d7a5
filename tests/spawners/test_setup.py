"""What the last line of a configuration adds to it, and what it leaves alone."""

import functools
import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner
from traitlets.config import Config

import rosetta_hub
import rosetta_templates
from rosetta_hub.cli import main
from rosetta_hub.config import Rosetta
from rosetta_hub.hub.link_redirect import LinkRedirect
from rosetta_hub.hub.login_renewal import renewal_routes
from rosetta_hub.hub.session_end import SESSIONS_ROUTE
from rosetta_hub.hub.user_tokens import TOKEN_ROUTES
from rosetta_hub.static_version import static_version
from rosetta_spawners import RosettaSpawner

ACCESS = "access:services!service=rosetta"
OURS = str(Path(str(rosetta_templates.__file__)).parent)
COMPUTING = {"id": "here", "name": "Here", "container_engines": ["docker"]}


# Each configuration looks for installed classes twice, in all packages of the environment.
_entry_points = functools.cache(entry_points)


@pytest.fixture(autouse=True)
def read_entry_points_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is installed stays the same while tests run."""
    for module in ("jupyterhub.traitlets", "rosetta_hub.hub.native_spawners"):
        monkeypatch.setattr(f"{module}.entry_points", _entry_points)


def configured(tmp_path: Path, **sections: Any) -> Config:
    rosetta = {"tasks_url": "http://127.0.0.1", "computing": [COMPUTING]}
    return Config({"Rosetta": rosetta} | sections)


def setup(tmp_path: Path, c: Config, **arguments: Any) -> Any:
    rosetta_hub.setup(c, str(tmp_path / "jupyterhub_config.py"), **arguments)
    return c.JupyterHub


def test_empty_configuration(tmp_path: Path) -> None:
    hub = setup(tmp_path, configured(tmp_path))
    assert hub.spawner_class == "rosetta"
    assert hub.allow_named_servers is True
    assert hub.cleanup_servers is False
    assert hub.default_url == "/services/rosetta/"
    # Before the hub's own, which have the same names, and which the hub appends.
    assert hub.template_paths == [OURS]
    process, service = hub.services.get_value([])
    assert (service["name"], "command" in service) == ("rosetta", False)
    # With an address, the hub would end where it does not answer at once.
    assert (process["name"], "url" in process) == ("rosetta-process", False)
    assert process["command"][1:4] == ["-m", "rosetta_hub", "service"]
    assert process["command"][4:] == ["--settings", str(tmp_path / "rosetta_state/settings.json")]
    roles = hub.load_roles.get_value([])
    assert roles[0]["services"] == ["rosetta"]
    assert (tmp_path / "rosetta_state" / "rosetta_secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("authenticator", "ours"), [("rosetta", True), ("dummy", None)])
def test_pages_know_our_authenticator(tmp_path: Path, authenticator: str, ours: bool) -> None:
    c = configured(tmp_path, JupyterHub={"authenticator_class": authenticator})
    setup(tmp_path, c)
    for variables in (c.JupyterHub.template_vars, c.Rosetta.template_vars):
        assert plain_items(variables).get("rosetta_authenticator") is ours


def plain_items(value: Any) -> dict[str, Any]:
    """What an option that is only added to holds."""
    return dict(value if isinstance(value, dict) else value.to_dict().get("update", {}))


def addresses_of(command: list[str]) -> Any:
    """What the guarded proxy is told."""
    assert Path(command[0]).name == "node"
    assert Path(command[1]).name == "hub-proxy.mjs"
    assert Path(command[2], "package.json").is_file()
    assert len(command) == 4
    return json.loads(command[3])


@pytest.mark.parametrize("command", [None, ["/bin/rosetta-hub", "proxy"]])
def test_proxy_of_the_hub_is_guarded(tmp_path: Path, command: Any) -> None:
    section = {} if command is None else {"command": command}
    c = configured(tmp_path, ConfigurableHTTPProxy=section)
    setup(tmp_path, c)
    addresses = addresses_of(c.ConfigurableHTTPProxy.command)
    assert addresses == {"hub_origin": "http://localhost:8000", "tasks_host": "127.0.0.1"}


@pytest.mark.parametrize(
    "command",
    [["configurable-http-proxy"], ["rosetta-hub", "proxy", "--log-level", "debug"], "my-proxy"],
)
def test_proxy_that_the_configuration_names_stays(tmp_path: Path, command: Any) -> None:
    c = configured(tmp_path, ConfigurableHTTPProxy={"command": command})
    setup(tmp_path, c)
    assert c.ConfigurableHTTPProxy.command == command


def test_proxy_knows_the_star(tmp_path: Path) -> None:
    c = configured(tmp_path)
    c.Rosetta.tasks_url = "http://*.Tasks.localhost"
    setup(tmp_path, c)
    assert addresses_of(c.ConfigurableHTTPProxy.command)["tasks_host"] == "*.tasks.localhost"


def test_proxy_without_node_says_so_when_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A service in a container of its own reads the configuration, too, and needs no Node."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", f"{tmp_path}/python")
    c = configured(tmp_path)
    setup(tmp_path, c)
    command = [f"{tmp_path}/python", "-m", "rosetta_hub", "proxy"]
    addresses = ["--hub-origin=http://localhost:8000", "--tasks-host=127.0.0.1"]
    assert c.ConfigurableHTTPProxy.command == [*command, *addresses]
    # With an interpreter that has no Node next to it.
    assert main([*command[3:], *addresses]) == 2
    assert "node is not installed" in capsys.readouterr().err


class PresentSpawner(LocalProcessSpawner):
    """The spawner of a hub, defined in its configuration file."""


def messages(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("added", ["assigned", "appended"])
@pytest.mark.parametrize(
    ("present", "name"),
    [
        (None, "jupyterhub.spawner.LocalProcessSpawner"),
        ("simple", "simple"),
        ("jupyterhub.spawner.LocalProcessSpawner", "jupyterhub.spawner.LocalProcessSpawner"),
        (PresentSpawner, f"{__name__}.PresentSpawner"),
        ("docker", "docker"),
        ("kubespawner.KubeSpawner", "kubespawner.KubeSpawner"),
        ("systemd", "systemd"),
        ("batchspawner.SlurmSpawner", "batchspawner.SlurmSpawner"),
    ],
)
def test_present_spawner_becomes_the_first_software(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, present: Any, name: str, added: str
) -> None:
    caplog.set_level("INFO", "traitlets")
    hub = {} if present is None else {"spawner_class": present}
    c = configured(tmp_path, JupyterHub=hub)
    web = {"id": "web", "name": "Web", "image_name": "web"}
    if added == "assigned":
        c.Rosetta.software = [web]
    else:
        c.Rosetta.software.append(web)
    assert setup(tmp_path, c).spawner_class == "rosetta"
    first, second = Rosetta(config=c).catalogue().software.values()
    assert (first.id, first.default.kind) == ("previous-spawner", "native")
    assert first.default.spawner_class == c.Rosetta.previous_spawner
    assert first.default.spawner_class == (present or name)
    assert second.id == "web"
    assert f"RosettaSpawner takes the place of {name}, which is the software" in messages(caplog)


def test_present_spawner_that_has_an_entry(tmp_path: Path) -> None:
    c = configured(tmp_path, JupyterHub={"spawner_class": SimpleLocalProcessSpawner})
    entry = {"id": "lab", "name": "Lab", "kind": "native", "spawner_class": "simple"}
    c.Rosetta.software = [entry]
    setup(tmp_path, c)
    assert c.Rosetta.software == [entry]
    assert c.Rosetta.previous_spawner is SimpleLocalProcessSpawner


def test_present_spawner_that_is_not_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "traitlets")
    c = configured(tmp_path, JupyterHub={"spawner_class": "simple"})
    c.Rosetta.keep_spawner = False
    setup(tmp_path, c)
    assert not Rosetta(config=c).software
    assert "simple, which goes on with the servers that run" in messages(caplog)


class OurSpawner(RosettaSpawner):
    """Of an administrator who has changed ours."""


@pytest.mark.parametrize("ours", ["rosetta", "rosetta_spawners.RosettaSpawner", OurSpawner])
def test_our_spawner_is_no_present_one(tmp_path: Path, ours: Any) -> None:
    c = configured(tmp_path, JupyterHub={"spawner_class": ours})
    assert setup(tmp_path, c).spawner_class == ours
    assert Rosetta(config=c).previous_spawner is None
    assert not Rosetta(config=c).software


def test_named_servers_are_said_to_be_needed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    c = configured(tmp_path, JupyterHub={"allow_named_servers": False})
    assert setup(tmp_path, c).allow_named_servers is True
    assert "c.JupyterHub.allow_named_servers = False is replaced by True" in messages(caplog)


def test_service_of_its_own(tmp_path: Path) -> None:
    hub = setup(tmp_path, configured(tmp_path), manage_service=False)
    (service,) = hub.services.get_value([])
    assert "command" not in service
    assert len(service["api_token"]) == 64


def test_what_is_there_stays(tmp_path: Path) -> None:
    mine: dict[str, Any] = {
        "services": [{"name": "mine"}],
        "load_roles": [{"name": "mine", "scopes": []}],
        "template_paths": ["/mine"],
        "default_url": "/hub/home",
        "cleanup_servers": True,
        "init_spawners_timeout": 7,
    }
    hub = setup(tmp_path, configured(tmp_path, JupyterHub=mine))
    assert [service["name"] for service in hub.services] == ["mine", "rosetta-process", "rosetta"]
    assert [role["name"] for role in hub.load_roles][:2] == ["mine", "rosetta"]
    assert hub.template_paths == ["/mine", OURS]
    assert (hub.default_url, hub.cleanup_servers) == ("/hub/home", True)
    assert hub.init_spawners_timeout == 7


@pytest.mark.parametrize("added", ["assigned", "appended"])
def test_role_of_users_is_extended(tmp_path: Path, added: str) -> None:
    c = configured(tmp_path)
    role = {"name": "user", "scopes": ["self", "list:users"]}
    if added == "assigned":
        c.JupyterHub.load_roles = [role]
    else:
        c.JupyterHub.load_roles.append(role)
    hub = setup(tmp_path, c)
    roles = hub.load_roles if added == "assigned" else hub.load_roles.get_value([])
    assert [item for item in roles if item["name"] == "user"] == [
        {"name": "user", "scopes": ["self", "list:users", ACCESS]}
    ]


def test_role_of_users_without_scopes(tmp_path: Path) -> None:
    c = configured(tmp_path, JupyterHub={"load_roles": [{"name": "user", "groups": ["x"]}]})
    role = setup(tmp_path, c).load_roles[0]
    assert role == {"name": "user", "groups": ["x"], "scopes": ["self", ACCESS]}


def test_scopes_of_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rosetta_hub.hub.setup._HUB_6", True)
    c = configured(tmp_path, JupyterHub={"extra_user_scopes": {"list:users"}})
    hub = setup(tmp_path, c)
    assert hub.extra_user_scopes == {"list:users", ACCESS}
    monkeypatch.setattr("rosetta_hub.hub.setup._HUB_6", False)
    hub = setup(tmp_path, configured(tmp_path))
    assert hub.load_roles.get_value([])[1] == {"name": "user", "scopes": ["self", ACCESS]}


@pytest.mark.parametrize(
    ("rosetta", "hub", "message"),
    [
        ({"tasks_url": ""}, {}, "c.Rosetta.tasks_url is not set"),
        ({"tasks_ports": "x"}, {}, "'x' is not a range of ports"),
        ({"tasks_url": "http://localhost"}, {}, "the same host name 'localhost'"),
        ({"computing": [{"name": "x"}]}, {}, "the key 'container_engines' is required"),
        (
            {},
            {"spawner_class": "no.such.Spawner"},
            "c.JupyterHub.spawner_class names 'no.such.Spawner', which is not installed",
        ),
        ({}, {"internal_ssl": True}, "c.JupyterHub.internal_ssl = True can't be used"),
        ({}, {"subdomain_host": "https://hub.example.org"}, "subdomain_host can't be used"),
        ({}, {"base_url": "/jhub/"}, "the hub's base URL is '/jhub'"),
        ({}, {"bind_url": "http://:8000/jhub"}, "the hub's base URL is '/jhub'"),
        ({"hub_url": "http://localhost:8000/jhub"}, {}, "the hub's base URL is '/'"),
        (
            {"software": [{"name": "Old", "kind": "native", "spawner_class": "kuberspawner"}]},
            {},
            "entry 'old': key 'spawner_class' names 'kuberspawner', which is not installed",
        ),
        (
            {"software": [{"name": "Old", "kind": "native", "spawner_class": "no.such.Class"}]},
            {},
            "names 'no.such.Class', which is not installed",
        ),
    ],
)
def test_bad_configuration_is_explained(
    tmp_path: Path, rosetta: dict[str, Any], hub: dict[str, Any], message: str
) -> None:
    c = configured(tmp_path, JupyterHub=hub)
    c.Rosetta.update(rosetta)
    with pytest.raises(SystemExit) as stopped:
        setup(tmp_path, c)
    assert message in str(stopped.value)
    assert str(tmp_path / "jupyterhub_config.py") in str(stopped.value)


@pytest.mark.system
@pytest.mark.parametrize(
    ("lines", "arguments", "message"),
    [
        ("setup()", [], "c.Rosetta.tasks_url is not set."),
        (
            "c.Rosetta.tasks_url = 'http://127.0.0.1'; setup(); "
            "c.JupyterHub.spawner_class = 'default'",
            [],
            "c.JupyterHub.spawner_class is 'default', set after rosetta_hub.setup",
        ),
        (
            "c.Rosetta.tasks_url = 'http://127.0.0.1'; setup()",
            ["--JupyterHub.spawner_class=simple"],
            "c.JupyterHub.spawner_class is 'simple', set after rosetta_hub.setup",
        ),
        (
            "c.Rosetta.tasks_url = 'http://127.0.0.1'; setup(); c.JupyterHub.internal_ssl = True",
            [],
            "c.JupyterHub.internal_ssl = True can't be used",
        ),
    ],
)
def test_hub_does_not_start_with_a_bad_configuration(
    tmp_path: Path, lines: str, arguments: list[str], message: str
) -> None:
    (tmp_path / "jupyterhub_config.py").write_text(
        f"import rosetta_hub\nsetup = lambda: rosetta_hub.setup(c, __file__)\n{lines}\n"
    )
    process = subprocess.run(
        [sys.executable, "-m", "jupyterhub", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 1
    assert message in process.stderr
    assert "Traceback" not in process.stderr


def test_base_url_of_both(tmp_path: Path) -> None:
    c = configured(tmp_path, JupyterHub={"base_url": "/jhub/"})
    c.Rosetta.hub_url = "http://localhost:8000/jhub"
    assert setup(tmp_path, c).default_url == "/jhub/services/rosetta/"


@pytest.mark.parametrize("variables", [None, {"motto": "Hello"}])
def test_links_to_repositories_are_there_where_something_is_built(
    tmp_path: Path, variables: dict[str, Any] | None
) -> None:
    c = configured(tmp_path)
    c.Rosetta.builds = {"base_image": "base:1"}
    if variables is not None:
        c.JupyterHub.template_vars = variables
    hub = setup(tmp_path, c)
    *_, route = hub.extra_handlers.get_value([])
    assert route == (r"/v2/.*", LinkRedirect, {"service_prefix": "/services/rosetta/"})
    assert c.Rosetta.template_vars == {**(variables or {}), "rosetta_builds": True}


def test_links_to_repositories_are_not_there_where_nothing_is_built(tmp_path: Path) -> None:
    hub = setup(tmp_path, configured(tmp_path))
    assert hub.extra_handlers.get_value([]) == [
        SESSIONS_ROUTE,
        *TOKEN_ROUTES,
        *renewal_routes("/services/rosetta/"),
    ]
    assert "rosetta_builds" not in hub.template_vars


def test_pages_of_the_hub_name_the_version_of_scripts_and_styles(tmp_path: Path) -> None:
    variables = setup(tmp_path, configured(tmp_path)).template_vars
    assert variables["rosetta_static_version"] == static_version()
