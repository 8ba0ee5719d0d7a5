"""A real sshd on a loopback port, which serves the user that runs the tests."""

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from .ports import free_port

DEADLINE = 20


def make_key(path: Path, comment: str = "a test") -> Path:
    """A new ed25519 key pair; its public half is next to it."""
    path.unlink(missing_ok=True)
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def children_of(pid: int) -> list[int]:
    """The processes below one, the nearest first."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                stat = (folder / "stat").read_text().rpartition(")")[2].split()
                parents.setdefault(int(stat[1]), []).append(int(folder.name))
    numbers: list[int] = []
    for child in parents.get(pid, []):
        numbers += [child, *children_of(child)]
    return numbers


class Sshd:
    """An sshd with a host key of its own; options are those of sshd_config."""

    def __init__(self, folder: Path, **options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.username = getpass.getuser()
        self.options = options
        self.authorized = folder / "authorized_keys"
        self.log_file = folder / "log"
        self.host_key = make_key(folder / "host_key")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def known_hosts(self) -> str:
        """The line that pins its host key."""
        key = self.host_key.with_suffix(".pub").read_text().split()
        return f"[127.0.0.1]:{self.port} {key[0]} {key[1]}\n"

    @property
    def log(self) -> str:
        """What it has logged."""
        return self.log_file.read_text(errors="replace")

    def authorize(self, public_key: str) -> None:
        """Let a key in."""
        with self.authorized.open("a") as file:
            file.write(f"{public_key}\n")

    def start(self) -> "Sshd":
        """Start it, and return when it listens."""
        if os.geteuid() == 0:
            # Made by the service's own start script otherwise.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        program = shutil.which("sshd", path="/usr/sbin:/sbin:/usr/local/sbin") or "sshd"
        config = self.folder / "sshd_config"
        config.write_text(self._build_config())
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-D", "-e", "-f", str(config)], stderr=log, start_new_session=True
            )
        self._wait()
        return self

    def stop(self) -> None:
        """End the listener; connections that are open stay so."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def kill(self) -> None:
        """End it with all connections, at once."""
        if self._process is not None:
            for pid in [self._process.pid, *children_of(self._process.pid)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def drop_connections(self) -> None:
        """End all connections, and go on listening. What runs over them learns it by itself."""
        assert self._process is not None
        for pid in children_of(self._process.pid):
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                if Path(f"/proc/{pid}/comm").read_text().startswith("sshd"):
                    os.kill(pid, signal.SIGKILL)

    def change_host_key(self) -> None:
        """As if it had been installed anew."""
        make_key(self.host_key)

    def _build_config(self) -> str:
        options = {
            "Port": str(self.port),
            "ListenAddress": "127.0.0.1",
            "HostKey": str(self.host_key),
            "PidFile": "none",
            "UsePAM": "no",
            "StrictModes": "no",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "PermitRootLogin": "prohibit-password",
            "AuthorizedKeysFile": str(self.authorized),
            # Not the user's own: what a shell reads there takes time, and may wait for locks.
            "SetEnv": f"HOME={self.folder}",
            **self.options,
        }
        return "".join(f"{name} {value}\n" for name, value in options.items())

    def _wait(self) -> None:
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            assert self._process is not None
            assert self._process.poll() is None, self.log
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port)) as probe,
            ):
                probe.settimeout(DEADLINE)
                assert probe.recv(4) == b"SSH-"
                return
            time.sleep(0.02)
        raise AssertionError(f"sshd does not listen: {self.log}")
