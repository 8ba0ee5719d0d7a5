"""The home of the cluster by `rosetta` alone: files put there, seen in an SSH task, and fetched."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.deployment import User
from tests.e2e.terminal import Done, Terminal

from .hub import Hub

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(240)]

# Compressors of alice's images on a node, from the superblock of the squashfs in each file: 1 is
# gzip, 6 is zstd (fs/squashfs/squashfs_fs.h of Linux).
COMPRESSORS = """
import glob
for path in glob.glob("/tmp/rosetta-1001/images/*.sif"):
    data = open(path, "rb").read(1 << 20)
    print(data[data.index(b"hsqs") + 20])
"""


@pytest_asyncio.fixture(loop_scope="session")
async def alice(storages_hub: Hub) -> AsyncIterator[User]:
    """A user of the cluster, whose home has no SSH host key of earlier tasks."""
    storages_hub.cluster.run("login", ["rm", "-rf", ".rosetta", "sent", "made"], "alice")
    user = await storages_hub.member("alice", "cluster")
    yield user
    await user.clean()


@pytest_asyncio.fixture(loop_scope="session")
async def terminal(alice: User, tmp_path: Path) -> AsyncIterator[Terminal]:
    """Alice's own machine."""
    opened = Terminal(alice, tmp_path, [])
    yield opened
    await opened.close()


async def rosetta(terminal: Terminal, *arguments: str) -> Done:
    """A command that succeeds."""
    result = await terminal.run("rosetta", *arguments)
    assert result.code == 0, (arguments, result.out, result.err)
    return result


async def test_ssh_task_has_the_home_of_the_cluster(storages_hub: Hub, terminal: Terminal) -> None:
    """sshd keeps its host key in the bound home, and takes the password of the task there."""
    data = hashlib.sha256(b"seed").digest() * 100_000
    (terminal.home / "sent").write_bytes(data)
    await rosetta(terminal, "files", "put", str(terminal.home / "sent"), "cluster-home:sent")
    await rosetta(terminal, "start", "--on", "cluster", "--name", "shell", "ssh")
    listed = json.loads((await rosetta(terminal, "ls", "--json")).out)
    task = await terminal.user.until(listed[0]["id"], "running", "failed", seconds=150)
    assert task["state"] == "running", (task["message"], task["log_tail"])
    check_quick_images(storages_hub)
    script = "pwd; id -un; sha256sum sent; tee made"
    result = await terminal.run("rosetta", "ssh", "shell", script, stdin=data)
    digest = hashlib.sha256(data).hexdigest()
    expected = f"/home/metauser\nmetauser\n{digest}  sent\n".encode()
    assert (result.code, result.out) == (0, expected + data), result.err
    await rosetta(terminal, "files", "get", "cluster-home:made", str(terminal.home / "back"))
    assert (terminal.home / "back").read_bytes() == data
    stat = ("stat", "-c", "%U:%G %a", "made", ".rosetta/ssh_host_ed25519_key")
    owners = storages_hub.cluster.run("login", stat, "alice").splitlines()
    assert (owners[0].split()[0], owners[1]) == ("alice:alice", "alice:alice 600")
    await rosetta(terminal, "stop", "shell")


def check_quick_images(hub: Hub) -> None:
    """Apptainer has found the mksquashfs of the tests: jobs search /usr/local/bin, too."""
    program = ["python3", "-c", COMPRESSORS]
    values = [
        hub.cluster.run(node, program, "alice").split() for node in hub.cluster.node_addresses
    ]
    assert {compressor for node in values for compressor in node} == {"6"}
