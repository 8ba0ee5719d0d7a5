"""The SSH server, with the real client."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images.conftest import Start
from tests.images.containers import ANY_UID, Container, run, until

PASSWORD = "one-time s3cret"
WAYS = [(), ("--user=0",), (*ANY_UID, "--cap-drop=ALL")]


def ssh(container: Container, password: str, *argv: str, **variables: str) -> tuple[int, str, str]:
    command = ["sshpass", "-e", "ssh", "-p", str(container.port), "-o", "LogLevel=ERROR",
               "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]  # fmt: skip
    process = subprocess.run(
        [*command, *argv],
        env=os.environ | {"SSHPASS": password} | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return process.returncode, process.stdout.strip(), process.stderr


def started(start: Start, *flags: str) -> Container:
    container = start("sshserver", *flags, environment={"AUTH_PASS": PASSWORD})
    until(lambda: container.first_bytes().startswith(b"SSH-2.0-"), "the SSH server")
    return container


@pytest.fixture
def display(tmp_path: Path) -> Iterator[str]:
    """A screen for the programs that come through the tunnel."""
    number = tmp_path / "display"
    with number.open("w") as file:
        server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(file.fileno()), "-nolisten", "tcp"],
            pass_fds=[file.fileno()],
            stderr=subprocess.DEVNULL,
        )
    yield ":" + until(lambda: number.read_text().strip(), "Xvfb")
    server.terminate()
    server.wait(timeout=10)


@pytest.mark.parametrize("flags", WAYS, ids=["default", "root", "any uid"])
def test_login_with_a_terminal(flags: tuple[str, ...], start: Start) -> None:
    container = started(start, *flags)
    code, text, error = ssh(container, PASSWORD, "-tt", "metauser@127.0.0.1", "whoami; tty")
    assert code == 0, error
    assert text.split() == ["metauser", "/dev/pts/0"]


@pytest.mark.parametrize("flags", WAYS, ids=["default", "root", "any uid"])
def test_a_real_program_shows_itself_through_the_tunnel(
    flags: tuple[str, ...], start: Start, display: str
) -> None:
    container = started(start, *flags)
    # A picture of the window, taken through the same tunnel: no fewer bytes than pixels
    picture = "for i in $(seq 300); do xwd -silent -name xclock >/tmp/xwd && break; sleep 0.1; done"
    code, text, error = ssh(
        container,
        PASSWORD,
        "-X",
        "metauser@127.0.0.1",
        f"xclock -geometry 200x100 & {picture}; kill $!; wc -c </tmp/xwd",
        DISPLAY=display,
    )
    assert code == 0, error
    assert int(text) > 200 * 100, error


@pytest.mark.parametrize("user", ["metauser", "root", "nobody"])
def test_a_wrong_password_or_user_is_refused(user: str, start: Start) -> None:
    container = started(start)
    password = "wrong" if user == "metauser" else PASSWORD
    assert ssh(container, password, f"{user}@127.0.0.1", "id")[:2] == (5, "")


def test_strangers_do_not_lock_the_user_out(start: Start) -> None:
    """So many connections without a login as the edge accepts of one address, and more."""
    container = started(start)
    with contextlib.ExitStack() as strangers:
        for _ in range(90):
            stranger = socket.create_connection(("127.0.0.1", container.port), 20)
            strangers.enter_context(stranger)
            assert stranger.recv(4) == b"SSH-"
        for _ in range(3):
            assert ssh(container, PASSWORD, "metauser@127.0.0.1", "true")[0] == 0


def test_without_a_password_it_does_not_start(start: Start) -> None:
    container = start("sshserver")
    until(lambda: "set AUTH_PASS" in container.logs(), "the message")
    assert container.stop() == 64


def test_the_password_is_in_no_argument_and_no_log(start: Start) -> None:
    container = started(start)
    assert ssh(container, PASSWORD, "metauser@127.0.0.1", "true")[0] == 0
    assert "s3cret" not in container.execute("ps", "-A", "-o", "args=")
    assert "s3cret" not in container.logs()


def test_files_are_copied(start: Start, tmp_path: Path) -> None:
    container = started(start, *ANY_UID)
    batch = f"put {__file__} copied.py\nget copied.py {tmp_path}/back.py\n"
    run("env", f"SSHPASS={PASSWORD}", "sshpass", "-e", "sftp", "-P", str(container.port),
        "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
        "-o", "BatchMode=no", "-b", "-", "metauser@127.0.0.1", stdin=batch)  # fmt: skip
    assert (tmp_path / "back.py").read_bytes() == Path(__file__).read_bytes()
