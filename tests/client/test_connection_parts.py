"""What `rosetta ssh` and `rosetta forward` decide without a hub."""

import asyncio
import os
import shlex
import shutil
import subprocess
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click
import pytest

from rosetta_client.cli import askpass, peers
from rosetta_client.cli.forward import Forward, check_ports, parse_forward
from rosetta_client.cli.ssh_options import (
    build_config_block,
    build_options,
    build_ssh_command,
    check_ssh,
)
from rosetta_client.config import Endpoint
from rosetta_client.connection import connection_address
from rosetta_client.errors import NotFound, RosettaError
from rosetta_client.models import TaskInterface, TaskView

ID = "0123456789ab"
INTERFACE = TaskInterface("ssh", 2222, "password", "metauser", None)
# What is not looked at is None.
VALUES: dict[str, Any] = {
    **dict.fromkeys(field.name for field in fields(TaskView)),
    **{"id": ID, "name": "my-ssh", "attempt": 3, "interface": INTERFACE, "interfaces": []},
}
TASK = TaskView(**VALUES)
HUB = "https://hub.example/50%/"


@pytest.fixture(autouse=True)
def config_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "my config %" / "config.json"
    monkeypatch.setenv("ROSETTA_CONFIG", str(path))
    return path


def as_ssh_reads(tmp_path: Path, block: str, host: str) -> dict[str, str]:
    """What OpenSSH makes of a configuration."""
    path = tmp_path / "block"
    path.write_text(block)
    ssh = shutil.which("ssh")
    assert ssh is not None
    command = [ssh, "-G", "-F", str(path), host]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in process.stdout.splitlines() if " " in line)


@pytest.mark.system
@pytest.mark.parametrize("host", ["rosetta-my-ssh-2", f"rosetta-{ID}"])
def test_block_of_a_configuration(tmp_path: Path, config_file: Path, host: str) -> None:
    task = replace(TASK, name='My "SSH" (2)')
    options = build_options("/opt/with space/rosetta", HUB, task)
    read = as_ssh_reads(tmp_path, build_config_block(options, task), host)
    assert read["user"] == "metauser"
    assert read["hostkeyalias"] == f"rosetta-{ID}-3"
    assert read["userknownhostsfile"] == str(config_file.with_name("known_hosts"))
    assert read["stricthostkeychecking"] == "accept-new"
    # OpenSSH puts a single % for two when it runs it.
    assert shlex.split(read["proxycommand"].replace("%%", "%")) == [
        *("/opt/with space/rosetta", "--hub", HUB, "ssh", "--stdio", ID)
    ]


def test_a_name_adds_no_lines(tmp_path: Path) -> None:
    task = replace(TASK, name="x\n  ProxyCommand evil\nHost *")
    block = build_config_block(build_options("rosetta", HUB, task), task)
    assert [line for line in block.splitlines() if "evil" in line] == [
        f"Host rosetta-x-proxycommand-evil-host rosetta-{ID}"
    ]


def test_a_name_without_letters_is_left_out() -> None:
    task = replace(TASK, name="数据")
    block = build_config_block(build_options("rosetta", HUB, task), task)
    assert block.startswith(f"Host rosetta-{ID}\n")


def test_command() -> None:
    command = build_ssh_command("/usr/bin/ssh", {"User": "metauser"}, TASK, ["-X", "xclock"])
    assert command == ["/usr/bin/ssh", "-o", "User=metauser", f"rosetta-{ID}", "-X", "xclock"]


def test_software_of_another_kind_has_no_login() -> None:
    web = replace(TASK, interface=replace(INTERFACE, protocol="http"))
    with pytest.raises(RosettaError, match="has no SSH server"):
        check_ssh(web)


@pytest.mark.parametrize(
    ("text", "expected"), [("8888", Forward(8888, 8888)), ("80:0", Forward(80, 0))]
)
def test_ports(text: str, expected: Forward) -> None:
    assert parse_forward(text) == expected


@pytest.mark.parametrize("text", ["", "x", "0", "0:80", "80:", "1:2:3", "65536", "80:99999", "-1"])
def test_what_is_no_port(text: str) -> None:
    with pytest.raises(click.UsageError):
        parse_forward(text)


def test_a_port_that_the_task_does_not_have() -> None:
    check_ports([Forward(2222, 0)], TASK)
    with pytest.raises(NotFound, match=r"no interface with port 80\. It has: 2222\."):
        check_ports([Forward(2222, 0), Forward(80, 0)], TASK)


@pytest.mark.parametrize(
    ("hub", "port", "address"),
    [
        ("https://hub/a/", None, "wss://hub/a/services/rosetta/api/v1/tasks/x/connection"),
        (
            "http://hub:8000/",
            80,
            "ws://hub:8000/services/rosetta/api/v1/tasks/x/connection?port=80",
        ),
    ],
)
def test_address(hub: str, port: int | None, address: str) -> None:
    assert connection_address(Endpoint(hub), "x", port) == address


def test_the_password_is_for_prompts_of_tasks_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(askpass, "_fetch_password", lambda task: f"password of {task}")
    monkeypatch.setattr(askpass, "_ask", lambda prompt: None)
    assert askpass._find_answer(f"metauser@rosetta-{ID}-3's password: ") == f"password of {ID}"
    for prompt in (
        "Enter passphrase for key '/home/alice/.ssh/id_ed25519': ",
        "alice@login.example's password: ",
        f"alice@evil.example rosetta-{ID}-3's password: ",
        f"Are you sure about rosetta-{ID}-3 (yes/no/[fingerprint])? ",
        "",
    ):
        assert askpass._find_answer(prompt) is None, prompt


# Header, then connections of root, of the account 1000, and of one that is closing.
TABLE = """\
   0: 0100007F:D431 0100007F:22B8 01 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 0100007F:D432 0100007F:22B8 01 00000000:00000000 00:00000000 00000000  1000        0 2 1
   2: 0100007F:22B8 0100007F:D432 01 00000000:00000000 00:00000000 00000000     0        0 3 1
   3: 0000000000000000FFFF00000100007F:D433 0000000000000000FFFF00000100007F:22B8 05 0:0 0:0 0 0 0 4
"""


@pytest.mark.parametrize(
    ("port", "rows"), [("D431", [("01", 0)]), ("D432", [("01", 1000)]), ("D433", [("05", 0)])]
)
def test_rows_of_the_kernels_table(port: str, rows: list[tuple[str, int]]) -> None:
    result = peers.find_rows(TABLE.splitlines(), f"0100007F:{port}", "0100007F:22B8")
    assert list(result) == rows


@pytest.mark.parametrize(
    ("state", "account", "expected"),
    [
        ("01", 1000, True),
        ("05", 1000, True),
        ("01", 1001, False),
        ("01", 0, True),
        ("05", 0, False),
    ],
)
def test_whose_connections_are_accepted(
    monkeypatch: pytest.MonkeyPatch, state: str, account: int, expected: bool
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    assert peers._is_ours(state, account) is expected


async def test_our_own_connection_is_ours() -> None:
    accepted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set_result(peers.is_of_this_account(writer.get_extra_info("socket")))
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    async with asyncio.timeout(20):
        assert await accepted
    writer.close()
    server.close()
