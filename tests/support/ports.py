"""TCP ports for programs that only take a number; what can bind port 0 does that instead.

A port that was bound and closed again is anybody's: the kernel gives it to the next connection, and
a test in another process may find it, too. So each process of tests reserves blocks of ports that
are outside of the kernel's range, and hands out each port of them once.

A reservation is a bound abstract socket. It belongs to a network namespace, as ports do, and the
kernel releases it when the process ends, however that happens.
"""

import socket
from pathlib import Path

from rosetta_hub.tasks.ports import BLOCKED_BY_BROWSERS

FIRST, LAST = 10000, 65535
BLOCK_SIZE = 200
KERNEL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def blocks() -> list[range]:
    """All blocks of this machine; none has a port that the kernel gives to connections."""
    low, high = map(int, KERNEL_RANGE.read_text().split())
    starts = range(FIRST, LAST + 2 - BLOCK_SIZE, BLOCK_SIZE)
    values = [range(start, start + BLOCK_SIZE) for start in starts]
    return [block for block in values if block[-1] < low or block[0] > high]


def is_free(port: int) -> bool:
    """Whether a server could listen there now, on any address, and browsers would go there."""
    if port in BLOCKED_BY_BROWSERS:
        return False
    with socket.socket() as probe:
        # As servers do: connections of the past are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
            probe.listen()
        except OSError:
            return False
        return True


class PortAllocator:
    """Hands out ports of blocks that no other allocator of this machine has, each port once."""

    def __init__(self) -> None:
        self.reserved: list[range] = []
        self._reservations: list[socket.socket] = []
        self._rest = iter(range(0))

    def __enter__(self) -> "PortAllocator":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the blocks: what was handed out is anybody's from now on."""
        for reservation in self._reservations:
            reservation.close()

    def allocate(self, count: int = 1) -> range:
        """Ports in a row that nobody listens on, at most BLOCK_SIZE.

        Raises:
            RuntimeError: all blocks of the machine are reserved.
        """
        assert 0 < count <= BLOCK_SIZE, count
        run: list[int] = []
        while len(run) < count:
            port = next(self._rest, None)
            if port is None:
                run, self._rest = [], iter(self._reserve())
            else:
                run = [*run, port] if is_free(port) else []
        return range(run[0], run[-1] + 1)

    def _reserve(self) -> range:
        for block in blocks():
            reservation = socket.socket(socket.AF_UNIX)
            try:
                reservation.bind(f"\0rosetta-test-ports-{block[0]}")
            except OSError:
                reservation.close()
            else:
                self._reservations.append(reservation)
                self.reserved.append(block)
                return block
        raise RuntimeError("All ports for tests are reserved: other runs of tests have them.")


_PROCESS = PortAllocator()


def free_port() -> int:
    """A port that is this process's own, and that nobody listens on."""
    return _PROCESS.allocate()[0]


def free_ports(count: int) -> range:
    """As many such ports in a row."""
    return _PROCESS.allocate(count)
