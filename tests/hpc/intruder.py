"""Looks for what it should not find, on the machine where it is run, with the standard library.

`spy` runs this file as somebody else's account; its orders come on standard input.
"""

import contextlib
import json
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

REQUEST = b"GET / HTTP/1.0\r\n\r\n"
# The first words of somebody who does not know the secret of a task's port.
HANDSHAKE = b"RHUB1" + secrets.token_bytes(32)
PATIENCE = 2.0


def listening_ports() -> set[int]:
    """The TCP ports of this machine that somebody listens on."""
    names = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as file:
            rows = [line.split() for line in file.readlines()[1:]]
        names |= {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A"}
    return names


def sockets_of_tasks() -> set[str]:
    """The unix sockets of tasks."""
    with open("/proc/net/unix") as file:
        paths = {line.split()[-1] for line in file}
    return {path for path in paths if "/rosetta-" in path}


def talk(connection: socket.socket, words: bytes) -> bytes:
    """What is answered to these words, and to as many wrong ones."""
    content = b""
    connection.settimeout(PATIENCE)
    with contextlib.suppress(OSError):
        connection.sendall(words)
        content = connection.recv(4096)
        connection.sendall(secrets.token_bytes(32) + REQUEST)
        content += connection.recv(4096)
    return content


def ask(address: tuple[str, int] | str) -> str:
    """Everything that an address says, whatever it is asked."""
    content = b""
    for words in (REQUEST, HANDSHAKE):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE)
            with contextlib.suppress(OSError):
                connection.connect(address)
                content += talk(connection, words)
    return content.decode("latin-1")


def processes() -> Iterator[str]:
    """What of each process can be read: its command, its environment, and its open files."""
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        yield from (f"/proc/{pid}/{name}" for name in ("cmdline", "environ"))
        with contextlib.suppress(OSError):
            yield from (f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd"))


def files(folders: list[str]) -> Iterator[str]:
    """All files of these folders that can be seen."""
    for folder in folders:
        for place, _folders, names in os.walk(folder):
            yield from (os.path.join(place, name) for name in names)


def holds(path: str, value: list[str]) -> bool:
    """Whether a file holds one of these texts; images are not looked into."""
    try:
        if not os.path.isfile(path) or os.path.getsize(path) > 1 << 24:
            return False
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return False
    return any(text.encode() in content for text in value)


def look(order: dict[str, list[str]]) -> dict[str, object]:
    """What the ports of the machine and the tasks' sockets say, and which files hold secrets."""
    ports = [(host, port) for host in order["hosts"] for port in sorted(listening_ports())]
    paths = sorted(sockets_of_tasks())
    with ThreadPoolExecutor(32) as pool:
        value = list(pool.map(ask, ports))
        message = list(pool.map(ask, paths))
    calls = [*processes(), *files(order["folders"])]
    return {
        "ports": {str(port): "" for _host, port in ports}
        | {str(port): text for (_host, port), text in zip(ports, value, strict=True) if text},
        "sockets": dict(zip(paths, message, strict=True)),
        "files": [path for path in calls if holds(path, order["secrets"])],
    }


if __name__ == "__main__":
    json.dump(look(json.load(sys.stdin)), sys.stdout)
