"""`rosetta-hub check` against the cluster and the standalone host."""

from pathlib import Path
from typing import Any

import pytest
from traitlets.config import Config

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.check.command import open_context, own_tunnels, stand_in
from rosetta_hub.check.context import Result
from rosetta_hub.check.run import run_checks
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.users.identities import Identities
from tests.support.cluster import Cluster
from tests.support.ports import free_port

FILES = "files of tasks"
ACCOUNTS = {"cluster": "alice", "dialing": "alice", "direct": "alice", "host": "carol"}


def make_settings(cluster: Cluster, directory: Path) -> Rosetta:
    """Resources with every kind of tunnel, with an identity of alice on each."""
    login: dict[str, Any] = {"host": cluster.login_host, "known_hosts": cluster.known_hosts}
    host = {"host": cluster.standalone.host, "known_hosts": cluster.standalone.known_hosts}
    slurm = {"type": "cluster", "wms": "slurm", "container_engines": ["singularity"]}
    computing = [
        {"id": "cluster", **slurm, "conf": login},
        {"id": "dialing", **slurm, "conf": {**login, "tunnel": "reverse"}},
        {"id": "direct", **slurm, "conf": {**login, "tunnel": "direct"}},
        {"id": "host", "container_engines": ["docker", "podman"], "conf": host},
    ]
    computing = [{"access_mode": "ssh", **resource} for resource in computing]
    computing += [docker_api(cluster), slurm_rest(cluster)]
    registry, _, image = f"{cluster.registry}/{cluster.small_image}".partition("/")
    name, _, tag = image.partition(":")
    config = Config()
    software: dict[str, Any] = {
        "name": "Test",
        "registry": registry,
        "image_name": name,
        "image_tag": tag,
    }
    # Not on the loopback alone: where the engine publishes the port, nobody would answer.
    software["command"] = ["httpd", "-f", "-p", "8888", "-h", "/etc"]
    config.Rosetta.update(
        software=[software],
        computing=[{"name": resource["id"], **resource} for resource in computing],
        storages=[
            {
                "name": "Home",
                "computing": ["cluster", "dialing", "host"],
                "base_path": "/home/$SSH_USER",
                "bind_path": "/home/metauser",
                "home": True,
            }
        ],
        state_dir=str(directory / "state"),
        service_url=f"http://0.0.0.0:{(port := free_port())}",
        agents_url=f"http://{cluster.hub_address}:{port}",
        tunnels_url=f"http://{cluster.hub_address}:{free_port()}",
    )
    settings = Rosetta(config=config)
    settings.state_path.mkdir(mode=0o700)
    return settings


def docker_api(cluster: Cluster) -> dict[str, Any]:
    """The standalone host's Docker, by its REST API."""
    host = cluster.standalone
    files = {"ca_file": host.ca, "certificate_file": host.certificate, "key_file": host.key}
    conf = {key: str(path) for key, path in files.items()}
    conf |= {"url": host.docker_url, "publish_address": host.host}
    return {
        "id": "docker-api",
        "access_mode": "api",
        "container_engines": ["docker"],
        "conf": conf,
    }


def slurm_rest(cluster: Cluster) -> dict[str, Any]:
    """The cluster without SSH."""
    conf = {"url": cluster.slurmrest_url, "jwt_key_file": str(cluster.jwt_key)}
    return {
        "id": "rest",
        "type": "cluster",
        "access_mode": "api",
        "wms": "slurmrest",
        "container_engines": ["singularity"],
        "conf": conf,
    }


@pytest.fixture
def settings(cluster: Cluster, tmp_path: Path) -> Rosetta:
    """See make_settings; the keys are in place."""
    result = make_settings(cluster, tmp_path)
    database = Database(result.db_url)
    identities = Identities(database, result.keys(), result)
    for computing, account in ACCOUNTS.items():
        view = identities.set_remote_user(User("alice"), computing, account)
        cluster.authorize(account, str(view.paste))
    database.close()
    return result


async def check(settings: Rosetta, name: str) -> dict[str, Result]:
    """The results for alice, by name."""
    computing = settings.catalogue().computing[name]
    async with stand_in(settings), own_tunnels(settings) as tunnels:
        with open_context(settings, computing, "alice", tunnels) as context:
            results = await run_checks(context, lambda result: None)
    return {result.name: result for result in results}


def not_ok(results: dict[str, Result]) -> dict[str, str]:
    return {name: result.status for name, result in results.items() if result.status != "ok"}


async def test_cluster(settings: Rosetta, cluster: Cluster) -> None:
    results = await check(settings, "cluster")
    assert not_ok(results) == {"node to tunnels": "skipped"}, results
    assert "main*" in results["scheduler"].text
    assert results[FILES].text.startswith("Home: files belong to alice, mode ")
    assert "COMPLETED" in results["cleanup"].text
    result = cluster.run("login", ["find", "/home/alice", "-name", ".rosetta-check*"])
    assert result == ""


async def test_nodes_that_dial(settings: Rosetta) -> None:
    results = await check(settings, "dialing")
    assert not_ok(results) == {"hub to node": "skipped", "throughput": "skipped"}, results


async def test_nodes_that_are_not_reached(
    settings: Rosetta, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rosetta_hub.check.network.CONNECT_TIMEOUT", 2)
    results = await check(settings, "direct")
    assert results["hub to node"].status == "failed", results
    assert "'tunnel'" in results["hub to node"].advice


async def test_host(settings: Rosetta) -> None:
    results = await check(settings, "host")
    expected = {"scheduler": "skipped", "node to tunnels": "skipped", FILES: "failed"}
    assert not_ok(results) == expected, results
    # The image runs as root, and the account may only talk to Docker's daemon.
    assert "the image runs as user 0" in results[FILES].text


async def test_key_that_is_not_installed(settings: Rosetta) -> None:
    database = Database(settings.db_url)
    Identities(database, settings.keys(), settings).renew(User("alice"), "host")
    database.close()
    results = await check(settings, "host")
    assert results["authentication"].status == "failed"
    assert "authorized_keys" in results["authentication"].advice
    assert results["job"].status == "skipped"


async def test_docker_api(settings: Rosetta) -> None:
    results = await check(settings, "docker-api")
    mentioned = ("host key", "scheduler", "hub to node", "throughput", "namespaces")
    expected = dict.fromkeys((*mentioned, "node to tunnels", FILES), "skipped")
    assert not_ok(results) == expected, results
    assert results["engines"].text.startswith("docker 26"), results


async def test_slurm_rest(settings: Rosetta) -> None:
    results = await check(settings, "rest")
    mentioned = ("host key", "hub to node", "throughput", "clock", FILES)
    assert not_ok(results) == dict.fromkeys(mentioned, "skipped"), results


async def test_slurm_rest_with_a_fault(settings: Rosetta) -> None:
    settings.agents_url = "http://127.0.0.1:9"
    results = await check(settings, "rest")
    assert results["node to service"].status == "failed", results
    assert results["engines"].status == "ok"
