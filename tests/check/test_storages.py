"""The checks of storages, as an administrator calls them: on this machine, and over a real sshd."""

import getpass
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.ssh.keys import generate_key_pair
from tests.support.ports import free_port
from tests.support.sshd import Sshd


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    sshd = Sshd(tmp_path / "sshd")
    yield sshd.start()
    sshd.kill()


def write_config(folder: Path, storages: list[dict[str, Any]]) -> Path:
    path = folder / "jupyterhub_config.py"
    path.write_text(
        "c = get_config()\n"
        'c.Rosetta.tasks_url = "http://127.0.0.1"\n'
        f"c.Rosetta.state_dir = {str(folder / 'state')!r}\n"
        f'c.Rosetta.service_url = "http://127.0.0.1:{free_port()}"\n'
        "c.Rosetta.computing = []\n"
        f"c.Rosetta.storages = {storages!r}\n"
    )
    return path


def check(folder: Path, storages: list[dict[str, Any]], *arguments: str) -> tuple[int, str]:
    """Status and output of `rosetta-hub check` for alice."""
    config = write_config(folder, storages)
    command = [sys.executable, "-m", "rosetta_hub", "check", "--config", str(config)]
    process = subprocess.run(
        [*command, "--user", "alice", *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "HOME": str(folder)},
    )
    return process.returncode, process.stdout + process.stderr


def results(output: str, storage: str) -> dict[str, dict[str, Any]]:
    """The checks of one storage, by name."""
    return {check["name"]: check for check in json.loads(output)[f"storage:{storage}"]["checks"]}


def storage(folder: Path, name: str, **keys: Any) -> dict[str, Any]:
    return {"name": name, "base_path": str(folder / name), **keys}


def test_storages_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "ro").mkdir()
    status, output = check(
        tmp_path,
        [
            storage(tmp_path, "good", create=True, groups=["staff"]),
            storage(tmp_path, "absent"),
            storage(tmp_path, "ro", read_only=True),
            storage(tmp_path, "others", users=["bob"]),
        ],
        "--json",
    )
    assert status == 1
    good = results(output, "good")
    assert {item["status"] for name, item in good.items() if name != "host key"} == {"ok"}
    assert f"files belong to {getpass.getuser()}:" in good["owner"]["text"]
    assert good["throughput"]["text"].count("MB/s") == 2
    assert "free" in good["space"]["text"]
    assert list((tmp_path / "good").iterdir()) == [], "nothing is left of the check"
    absent = results(output, "absent")
    assert absent["access"]["status"] == "failed"
    assert "the directory exists" in absent["access"]["advice"]
    assert {absent[name]["status"] for name in ("write", "space", "throughput")} == {"skipped"}
    read_only = results(output, "ro")
    assert (read_only["access"]["status"], read_only["write"]["status"]) == ("ok", "skipped")
    assert "storage:others" not in json.loads(output)


def test_table_of_one_storage(tmp_path: Path) -> None:
    storages = [storage(tmp_path, name, create=True) for name in ("one", "two")]
    status, output = check(tmp_path, storages, "storage:one")
    assert status == 0, output
    assert "storage:one (one), for alice" in output
    assert "ok     write" in output
    assert "storage:two" not in output


def test_unknown_storage(tmp_path: Path) -> None:
    status, output = check(tmp_path, [storage(tmp_path, "one")], "storage:none")
    assert status == 2
    assert "storage:one" in output


def test_storage_over_ssh(tmp_path: Path, sshd: Sshd) -> None:
    """Its host key is accepted first, and its files are reached as the platform's account."""
    pair = generate_key_pair("platform")
    key = tmp_path / "key"
    key.write_text(pair.private_key)
    key.chmod(0o600)
    sshd.authorize(pair.public_key)
    conf = {
        "host": "127.0.0.1",
        "port": sshd.port,
        "user": sshd.username,
        "key_file": str(key),
        "python": sys.executable,
    }
    archive = storage(
        tmp_path, "archive", create=True, access_mode="ssh", auth_mode="platform_keys", conf=conf
    )
    status, output = check(tmp_path, [archive], "storage:archive", "--json")
    result = results(output, "archive")
    assert (status, result["host key"]["status"], result["access"]["status"]) == (
        1,
        "failed",
        "skipped",
    )
    status, output = check(tmp_path, [archive], "--accept-host-key", "--json")
    assert status == 0, output
    result = results(output, "archive")
    assert {item["status"] for item in result.values()} == {"ok"}
    assert result["access"]["text"].endswith(f"reached as {sshd.username}")
