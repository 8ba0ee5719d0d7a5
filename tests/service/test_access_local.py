"""Commands on the machine of the service, and what they see of its environment."""

import sys

import pytest

from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.resources.access_local import LocalAccess, build_agent_environment

PRINT = [sys.executable, "-c", "import json, os; print(sorted(os.environ))"]
GIVEN = {
    "DOCKER_HOST": "unix:///run/user/1000/docker.sock",
    "XDG_RUNTIME_DIR": "/run/user/1000",
    "HTTPS_PROXY": "http://proxy.example.org:3128",
    "no_proxy": "localhost",
    "APPTAINER_CACHEDIR": "/scratch/cache",
    "LC_TIME": "C",
}
KEPT_BACK = {
    "JUPYTERHUB_API_TOKEN": "token",
    "JUPYTERHUB_SERVICE_NAME": "rosetta",
    "AWS_SECRET_ACCESS_KEY": "key",
    "APPTAINERENV_SECRET": "for containers",
    "PYTHONPATH": "/tmp",
}


def test_agents_get_what_engines_need_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**GIVEN, **KEPT_BACK}.items():
        monkeypatch.setenv(name, value)
    environment = build_agent_environment()
    assert environment["PATH"]
    assert {name: environment.get(name) for name in GIVEN} == GIVEN
    assert not set(KEPT_BACK) & set(environment)


async def test_a_command_sees_the_environment_of_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "token")
    assert "JUPYTERHUB_API_TOKEN" not in (await LocalAccess().run(PRINT, "", 30)).stdout
    own = LocalAccess({"PATH": "/bin", "VAULT_TOKEN": "x"})
    assert "VAULT_TOKEN" in (await own.run(PRINT, "", 30)).stdout


async def test_a_program_that_is_not_there() -> None:
    with pytest.raises(ResourceUnavailable, match="could not be started"):
        await LocalAccess().run(["/nowhere/program"], "", 30)
