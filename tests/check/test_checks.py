"""The checks, over this machine and over jobs of a fake scheduler."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.access import Completed
from rosetta_hub.catalogue.computing_conf import LocalConf
from rosetta_hub.catalogue.software import Software
from rosetta_hub.check.contact import check_authentication, check_host_key, check_scheduler
from rosetta_hub.check.context import Check, CheckFailed, CheckSkipped, Context, Result
from rosetta_hub.check.run import CHECKS, CLEANUP, format_result, is_good, run_check, run_checks
from rosetta_hub.errors import AuthenticationFailed, ResourceUnavailable
from rosetta_hub.resources.dialects.batch_wms import build_batch_wms
from rosetta_hub.ssh.endpoint import Endpoint
from rosetta_hub.ssh.host_keys import HostKey
from rosetta_hub.ssh.keys import generate_key_pair
from tests.check.conftest import HostInstance


async def run_all(context: Context) -> dict[str, Result]:
    """All results by name."""
    value: list[Result] = []
    results = await run_checks(context, value.append)
    assert value == results
    return {result.name: result for result in results}


def statuses(results: dict[str, Result]) -> dict[str, str]:
    return {name: result.status for name, result in results.items()}


FILES = "files of tasks"
IMAGE = ("image", "container", FILES)
OK = dict.fromkeys([check.name for check in (*CHECKS, CLEANUP)], "ok")


async def test_machine_without_a_scheduler(site: HostInstance) -> None:
    results = await run_all(site.context())
    skipped = dict.fromkeys(("host key", "scheduler", "node to tunnels", *IMAGE), "skipped")
    assert statuses(results) == {**OK, **skipped}
    assert "MB/s" in results["throughput"].text
    assert list(site.home.iterdir()) == []


async def test_job_of_a_scheduler(site: HostInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rosetta_hub.check.network.CONNECT_TIMEOUT", 1)
    context = site.queue()
    results = await run_all(context)
    # The fake's node is called node1, which nobody resolves.
    failed = {"hub to node": "failed", "throughput": "skipped"}
    skipped = dict.fromkeys(("host key", "node to tunnels", *IMAGE), "skipped")
    assert statuses(results) == {**OK, **skipped, **failed}
    assert "node1:" in results["hub to node"].text
    assert "ended: exited, exit status 0" in results["cleanup"].text
    assert list(site.home.iterdir()) == []


async def test_what_fails_says_what_to_do(site: HostInstance) -> None:
    settings = site.settings
    settings.agents_url = "http://127.0.0.1:9"
    results = await run_all(site.context(container_engines=["docker", "podman[runc]"], conf={}))
    failed = results["node to service"]
    assert failed.status == "failed"
    assert "refused" in failed.text
    assert "agents_url" in failed.advice
    assert not is_good(results.values())


async def test_missing_engine(site: HostInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    context = site.context(container_engines=["singularity"])
    results = await run_all(context)
    assert results["engines"].status == "failed"
    assert "not installed" in results["engines"].text
    assert results["image"].text.startswith("needs 'engines'")


async def test_image_that_is_not_there(site: HostInstance) -> None:
    context = site.context()
    context.software = Software(
        name="x", image_name="nobody/nothing", registry="127.0.0.1:9", pull="never"
    )
    results = await run_all(context)
    assert results["image"].status == "failed"
    assert "127.0.0.1:9/nobody/nothing" in results["image"].text
    assert results["container"].text.startswith("needs 'image'")


async def test_container_that_answers(site: HostInstance, base_containers: dict[str, str]) -> None:
    context = site.context()
    name, _, tag = base_containers["sshserver"].partition(":")
    context.software = Software(
        name="SSH",
        image_name=name,
        image_tag=tag,
        interface_port=2222,
        interface_protocol="ssh",
        interface_auth="password",
        supports_interface_auth=True,
        pull="never",
    )
    results = await run_all(context)
    skipped = dict.fromkeys(("host key", "scheduler", "node to tunnels", FILES), "skipped")
    assert statuses(results) == {**OK, **skipped}
    assert "SSH answers after" in results["container"].text


async def test_whose_the_files_of_tasks_are(
    site: HostInstance, tmp_path: Path, base_containers: dict[str, str]
) -> None:
    """Measured by a task of the image's own user, as the agent's rights allow."""
    for name in ("alice", "reference"):
        (tmp_path / name).mkdir()
    os.chown(tmp_path / "alice", 31337, 31337)
    entries: list[dict[str, Any]] = [
        {"name": "Home", "base_path": f"{tmp_path}/$USER", "bind_path": "/home/metauser"},
        {"name": "Reference", "base_path": f"{tmp_path}/reference", "bind_path": "/data"},
        {"name": "Absent", "base_path": f"{tmp_path}/absent", "bind_path": "/absent"},
    ]
    entries[0] |= {"home": True, "owner": 31337}
    entries[1] |= {"read_only": True}
    context = site.context()
    name, _, tag = base_containers["sshserver"].partition(":")
    context.software = Software(
        name="SSH", image_name=name, image_tag=tag, interface_port=2222, pull="never"
    )
    site.settings.computing = [{"id": "here", "name": "Here", "container_engines": ["docker"]}]
    site.settings.storages = [{**entry, "computing": "here"} for entry in entries[:2]]
    result = (await run_all(context))[FILES]
    assert (result.status, result.text) == (
        "ok",
        "Home: files belong to uid 31337, mode 0644; Reference can be read at /data",
    )
    assert list((tmp_path / "alice").iterdir()) == [], "nothing is left of the check"
    site.settings.storages = [{**entry, "computing": "here"} for entry in entries]
    result = (await run_all(context))[FILES]
    assert result.status == "failed"
    assert f"Absent: A storage of the task can't be used. ({tmp_path}/absent" in result.text
    assert "Home: files belong to uid 31337" in result.text
    site.settings.storages = [{**entries[0], "computing": "here", "owner": "system"}]
    result = (await run_all(context))[FILES]
    assert result.status == "failed"
    assert "alice" in result.text


async def test_image_dir_that_cannot_be_made(site: HostInstance, tmp_path: Path) -> None:
    """It is that of a task: a check does not pass where each task fails."""
    (blocked := tmp_path / "blocked").touch()
    install_engine(tmp_path / "bin")
    context = site.queue(
        container_engines=["apptainer"], conf={"image_dir": f"{blocked}/images-{{uid}}"}
    )
    context.software = Software(name="x", image_name="nobody/nothing", registry="127.0.0.1:9")
    results = await run_all(context)
    assert results["engines"].status == "ok"
    assert results["image"].status == "failed"
    assert f"image_dir: {blocked}/images-{os.getuid()} cannot be made" in results["image"].text
    assert "image_dir" in results["image"].advice


def install_engine(folder: Path) -> None:
    """An Apptainer that can tell its version."""
    program = folder / "apptainer"
    program.write_text("#!/bin/sh\necho apptainer version 1.4.1\n")
    program.chmod(0o755)


async def test_job_that_does_not_start_is_cancelled(site: HostInstance) -> None:
    context = site.queue(submit_options=["-q", "held"])
    context.queue_timeout = 0
    results = await run_all(context)
    assert results["job"].status == "failed"
    assert "JobHeld" in results["job"].text
    assert results["python"].text == "needs 'job', which did not work"
    assert results["cleanup"].status == "ok"
    assert (await context.wms.jobs([context.account]) if context.wms else None) == []
    assert list(site.home.iterdir()) == []


async def test_refused_job(site: HostInstance) -> None:
    results = await run_all(site.queue(submit_options=["-q", "nosuch"]))
    assert results["job"].status == "failed"
    assert "Unknown queue" in results["job"].text
    assert results["cleanup"].text == "no job was submitted"


async def test_node_without_python(site: HostInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rosetta_hub.check.probes.HOME_LAG", 0)
    results = await run_all(site.queue(conf={"python": "/nowhere/python3"}))
    assert results["job"].status == "failed"
    assert "exit status 127" in results["job"].text or "exit status 126" in results["job"].text
    assert "python" in results["job"].advice


async def test_scheduler_that_does_not_answer(site: HostInstance) -> None:
    (site.scheduler / "down").touch()
    results = await run_all(site.queue())
    assert results["scheduler"].status == "failed"
    assert results["job"].status == "skipped"


async def test_missing_scheduler_commands(site: HostInstance) -> None:
    context = site.queue()
    await check_authentication(context)
    missing = Answers(Completed(127, "", "sh: 1: qstat: not found"))
    context.wms = build_batch_wms("torque", missing)
    with pytest.raises(CheckFailed, match="not found") as failure:
        await check_scheduler(context)
    assert "PATH" in failure.value.advice


# --- SSH -----------------------------------------------------------------------------------------


class Answers:
    """An access that always gives this answer, or fails like this."""

    def __init__(self, answer: Completed | Exception) -> None:
        self._answer = answer

    async def run(self, argv: Sequence[str], stdin: str, timeout: float) -> Completed:
        """See Access."""
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


async def test_refused_key(site: HostInstance) -> None:
    context = dataclasses.replace(
        site.queue(), access=Answers(AuthenticationFailed("the key is not accepted"))
    )
    with pytest.raises(CheckFailed) as failure:
        await check_authentication(context)
    assert "authorized_keys" in failure.value.advice


def make_host_key() -> HostKey:
    public = " ".join(generate_key_pair("x").public_key.split()[:2])
    import asyncssh

    fingerprint = asyncssh.import_public_key(public).get_fingerprint()
    return HostKey("login", 22, fingerprint, f"login {public}")


def with_host_key(context: Context, host_key: HostKey, pinned: str, accepted: Path) -> Context:
    async def scan(endpoint: Endpoint) -> HostKey:
        return host_key

    text = pinned + "\n"
    context.address = lambda: Endpoint("r", "user alice", "login", 22, "a", "", None, text)
    context.scan, context.accepted = scan, accepted
    return context


async def test_host_key(site: HostInstance, tmp_path: Path) -> None:
    host_key, other, accepted = make_host_key(), make_host_key(), tmp_path / "known_hosts"
    context = with_host_key(site.queue(), host_key, host_key.line, accepted)
    assert host_key.fingerprint in await check_host_key(context)
    context = with_host_key(site.queue(), host_key, other.line, accepted)
    context.accept_host_key = True  # never in the place of another
    with pytest.raises(CheckFailed, match="is pinned"):
        await check_host_key(context)
    context = with_host_key(site.queue(), host_key, "", accepted)
    with pytest.raises(CheckFailed) as failure:
        await check_host_key(context)
    assert "--accept-host-key" in failure.value.advice
    assert not accepted.exists()
    context.accept_host_key = True
    await check_host_key(context)
    assert accepted.read_text() == host_key.line + "\n"


# --- the runner ----------------------------------------------------------------------------------


async def test_results_and_their_lines(site: HostInstance) -> None:
    async def good(context: Context) -> str:
        return "fine"

    async def bad(context: Context) -> str:
        raise ResourceUnavailable("nobody there")

    async def not_here(context: Context) -> str:
        raise CheckSkipped("no such thing")

    context = site.context()
    first = await run_check(Check("a", bad, advice="Go there."), context, [])
    assert (first.status, first.text, first.advice) == ("failed", "nobody there", "Go there.")
    assert format_result(first).splitlines()[1].strip() == "-> Go there."
    second = await run_check(Check("b", good, ("a",)), context, [first])
    assert (second.status, second.text) == ("skipped", "needs 'a', which did not work")
    third = await run_check(Check("c", good, ("b",)), context, [first, second])
    assert third.status == "skipped"
    fourth = await run_check(Check("d", not_here), context, [])
    fifth = await run_check(Check("e", good, ("d",)), context, [fourth])
    assert (fourth.status, fifth.status) == ("skipped", "ok")
    assert isinstance(context.computing.conf, LocalConf)
