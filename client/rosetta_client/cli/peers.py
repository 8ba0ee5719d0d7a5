"""Whose program has connected to a port of this machine."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

# The kernel's tables of connections (proc(5)); programs that know IPv6 stand in the second.
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_ESTABLISHED = "01"


def is_of_this_account(connected: socket.socket) -> bool:
    """Whether the other end of a loopback connection is of this account, or of root.

    On a machine that many use, another account must not get to what this one forwards. Only Linux
    tells; elsewhere it is True.
    """
    if sys.platform != "linux":
        return True
    here = _format_address(*connected.getsockname()[:2])
    there = _format_address(*connected.getpeername()[:2])
    return any(_is_ours(*row) for row in find_rows(_read_lines(), there, here))


def find_rows(lines: Iterable[str], local: str, remote: str) -> Iterator[tuple[str, int]]:
    """State and account of the connections between two addresses, of lines of the tables."""
    for line in lines:
        fields = line.split()
        if len(fields) > 7 and fields[1].endswith(local) and fields[2].endswith(remote):
            yield fields[3], int(fields[7])


def _is_ours(state: str, account: int) -> bool:
    # A connection that its program has closed already is shown as root's.
    return account == os.getuid() or (account == 0 and state == _ESTABLISHED)


def _read_lines() -> Iterator[str]:
    for table in _TABLES:
        try:
            yield from Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue


def _format_address(host: str, port: int) -> str:
    """As in the tables, the last four bytes of the address."""
    number = int.from_bytes(socket.inet_aton(host), sys.byteorder)
    return f"{number:08X}:{port:04X}"
