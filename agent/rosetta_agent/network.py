"""The way out of a private network namespace: slirp4netns, or pasta.

Both are ordinary programs of the user. They carry outbound connections only: no port of the
container is forwarded in, and the loopback of the machine is not offered to the container.
"""

import os
import shutil
import subprocess
import tempfile
from typing import List, NamedTuple, Optional

from rosetta_agent.processes import ProcessId, identify

_READY_SECONDS = 10.0
_SLIRP_RESOLVER = "10.0.2.3"
_PASTA_RESOLVER = "169.254.1.1"


class Tool(NamedTuple):
    """A program that leads out, and the address where it answers DNS inside."""

    program: str
    resolver: str


def find_tool() -> Optional[Tool]:
    """The tool that this machine has, slirp4netns first."""
    for tool in (Tool("slirp4netns", _SLIRP_RESOLVER), Tool("pasta", _PASTA_RESOLVER)):
        if shutil.which(tool.program):
            return tool
    return None


def build_slirp_command(pid: int, ready: int) -> List[str]:
    """Serve the namespaces of ``pid``; a byte on the descriptor ``ready`` says it works."""
    return [
        *("slirp4netns", "--configure", "--mtu=65520", "--disable-host-loopback"),
        *("--ready-fd={}".format(ready), str(pid), "tap0"),
    ]


def build_pasta_command(pid: int, pid_file: str) -> List[str]:
    """Serve the namespaces of ``pid``; it goes to the background when it works."""
    return [
        *("pasta", "--config-net", "--no-map-gw", "--quiet"),
        *("--tcp-ports", "none", "--udp-ports", "none"),
        *("--tcp-ns", "none", "--udp-ns", "none"),
        *("--dns-forward", _PASTA_RESOLVER, "--pid", pid_file, str(pid)),
    ]


def build_resolver_file(resolver: str, machine: str) -> str:
    """A resolv.conf(5) for inside, with the search domains of the machine's own."""
    lines = [line for line in machine.splitlines() if line.split()[:1] in (["search"], ["options"])]
    return "\n".join(["nameserver " + resolver] + lines) + "\n"


def attach(program: str, pid: int) -> Optional[ProcessId]:
    """Give the network namespace of ``pid`` a way out; None when that did not work.

    The tool runs in a session of its own until it is ended or the namespace goes away.
    """
    start = _attach_slirp if program == "slirp4netns" else _attach_pasta
    try:
        return start(pid)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def _attach_slirp(pid: int) -> Optional[ProcessId]:
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            build_slirp_command(pid, writing),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(writing,),
            start_new_session=True,
        )
        os.close(writing)
        writing = -1
        ready = os.read(reading, 1)  # the end of the file, when the tool ends
        return identify(process.pid) if ready else None
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)


def _attach_pasta(pid: int) -> Optional[ProcessId]:
    with tempfile.TemporaryDirectory() as folder:
        pid_file = os.path.join(folder, "pid")
        process = subprocess.Popen(
            build_pasta_command(pid, pid_file),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        if process.wait(_READY_SECONDS) != 0:
            return None
        with open(pid_file, encoding="ascii") as file:
            return identify(int(file.read()))
