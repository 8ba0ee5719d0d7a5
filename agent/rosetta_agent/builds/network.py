"""A network namespace from which only public addresses are reached, over slirp4netns.

The rules are those of the namespace itself. What a build runs has no CAP_NET_ADMIN, with which it
could change them, and no CAP_NET_RAW, with which packets pass beside them.
"""

import os
import re
import select
import subprocess
from typing import Iterable, List, Optional, Sequence

from rosetta_agent.builds.errors import BuildError
from rosetta_agent.builds.kernel import enter_network, new_network
from rosetta_agent.processes import die_with_parent

#: Addresses in the namespace, as slirp4netns(1) has them.
GATEWAY, RESOLVER, OWN_NETWORK = "10.0.2.2", "10.0.2.3", "10.0.2.0/24"
#: Networks that are not the public internet (IANA, special-purpose addresses).
PRIVATE = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
_READY_SECONDS = 15.0
_RULES_SECONDS = 30.0
_RULES6 = "*filter\n:INPUT DROP\n:FORWARD DROP\n:OUTPUT DROP\nCOMMIT\n"
_LOCAL = re.compile(r"\|-- ([0-9.]+)\n\s*/32 host LOCAL")


def parse_own_addresses(fib_trie: str) -> List[str]:
    """This machine's IPv4 addresses, of /proc/net/fib_trie."""
    return sorted(set(_LOCAL.findall(fib_trie)))


def build_rules(own: Iterable[str], networks: Iterable[str], loopback_ports: Iterable[int]) -> str:
    """The rules for iptables-restore(8).

    ``own`` are the machine's addresses, which are refused also within the permitted ``networks``;
    ``loopback_ports`` of it are reached at 10.0.2.2.
    """
    refuse, accept = "-A OUTPUT -d {} -j REJECT", "-A OUTPUT -d {} -j ACCEPT"
    port = "-A OUTPUT -d {} -p {} --dport {} -j ACCEPT"
    lines = [
        "*filter",
        ":INPUT ACCEPT",
        ":FORWARD DROP",
        ":OUTPUT ACCEPT",
        "-A OUTPUT -o lo -j ACCEPT",
        *(port.format(RESOLVER, protocol, 53) for protocol in ("udp", "tcp")),
        *(port.format(GATEWAY, "tcp", number) for number in sorted(loopback_ports)),
        refuse.format(OWN_NETWORK),
        *(refuse.format(address) for address in own),
        *(accept.format(network) for network in networks),
        *(refuse.format(network) for network in PRIVATE),
        "COMMIT",
    ]
    return "\n".join(lines) + "\n"


def build_slirp_command(pid: int, ready: int, reaches_loopback: bool) -> List[str]:
    """The command that connects the namespace of a process."""
    command = ["slirp4netns", "--configure", "--mtu=65520", "--enable-sandbox"]
    if not reaches_loopback:
        command.append("--disable-host-loopback")
    return [*command, "--ready-fd={}".format(ready), str(pid), "tap0"]


class Network:
    """The namespace of one build; it ends with ``close``, and with this program."""

    def __init__(self, networks: Sequence[str], loopback_ports: Sequence[int]) -> None:
        self._networks = networks
        self._loopback_ports = loopback_ports
        self._processes: List["subprocess.Popen[bytes]"] = []

    def open(self) -> None:
        """Make it, with its rules, before anything is connected.

        Raises:
            BuildError: a program is missing, or the kernel refuses.
        """
        try:
            holder = self._start(["sleep", "infinity"], new_network)
            self._restrict(holder.pid)
            self._connect(holder.pid)
        except OSError as error:
            raise _failed(str(error)) from error

    def enter(self) -> None:
        """Enter it; for ``preexec_fn``."""
        enter_network(self._processes[0].pid)

    def close(self) -> None:
        """End it."""
        for process in self._processes:
            process.kill()
            process.wait()

    def _start(
        self, command: Sequence[str], prepare: Optional["object"], keep: Sequence[int] = ()
    ) -> "subprocess.Popen[bytes]":
        def begin() -> None:
            die_with_parent()
            if callable(prepare):
                prepare()

        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=begin,
            pass_fds=tuple(keep),
        )
        self._processes.append(process)
        return process

    def _restrict(self, pid: int) -> None:
        with open("/proc/net/fib_trie", encoding="ascii") as file:
            own = parse_own_addresses(file.read())
        rules = build_rules(own, self._networks, self._loopback_ports)
        self._run(["iptables-restore"], rules, pid)
        if os.path.exists("/proc/net/if_inet6"):
            self._run(["ip6tables-restore"], _RULES6, pid)

    def _run(self, command: List[str], text: str, pid: int) -> None:
        process = subprocess.run(
            command,
            input=text.encode("ascii"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_RULES_SECONDS,
            preexec_fn=lambda: enter_network(pid),
            check=False,
        )
        if process.returncode != 0:
            raise _failed(process.stderr.decode("utf-8", "replace").strip())

    def _connect(self, pid: int) -> None:
        reading, writing = os.pipe()
        try:
            command = build_slirp_command(pid, writing, bool(self._loopback_ports))
            self._start(command, None, [writing])
        finally:
            os.close(writing)
        try:
            is_ready = select.select([reading], [], [], _READY_SECONDS)[0]
            if not is_ready or not os.read(reading, 1):
                raise _failed("slirp4netns did not start")
        finally:
            os.close(reading)


def _failed(reason: str) -> BuildError:
    return BuildError(
        "The network of the build could not be closed: {}. Tell the administrator.".format(reason),
        transient=True,
    )
