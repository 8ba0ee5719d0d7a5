"""The ports that tests give to programs which only take a number."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ports
from tests.support.eventually import until
from tests.support.ports import BLOCK_SIZE, PortAllocator

ROOT = Path(__file__).parents[1]
OTHER_PROCESS = """
import sys
from tests.support.ports import free_ports
print(free_ports(2)[0], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def allocator() -> Iterator[PortAllocator]:
    with PortAllocator() as allocator:
        yield allocator


@pytest.fixture
def other_process() -> Iterator["subprocess.Popen[str]"]:
    """Has reserved a block, and lives until it is killed."""
    command = [sys.executable, "-c", OTHER_PROCESS]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize(("low", "high"), [(32768, 60999), (10050, 50000), (20000, 65535)])
def test_blocks_avoid_the_kernels_range(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, low: int, high: int
) -> None:
    kernel = tmp_path / "ip_local_port_range"
    kernel.write_text(f"{low}\t{high}\n")
    monkeypatch.setattr(ports, "KERNEL_RANGE", kernel)
    blocks = ports.blocks()
    assert len(blocks) > 20
    assert [block for block in blocks if block[-1] >= low and block[0] <= high] == []
    assert max(block[-1] for block in blocks) <= 65535


def test_each_port_is_handed_out_once(allocator: PortAllocator) -> None:
    values = [allocator.allocate()[0] for _ in range(BLOCK_SIZE + 1)]
    assert len(set(values)) == BLOCK_SIZE + 1
    assert len(allocator.reserved) >= 2


def test_ports_in_a_row_are_of_one_block(allocator: PortAllocator) -> None:
    allocator.allocate(BLOCK_SIZE // 2)
    row = allocator.allocate(BLOCK_SIZE // 2 + 1)
    assert len(row) == BLOCK_SIZE // 2 + 1
    assert set(row) <= set(allocator.reserved[-1])


def test_port_of_another_program_is_left_out(allocator: PortAllocator) -> None:
    first = allocator.allocate()[0]
    result = next(port for port in range(first + 1, first + BLOCK_SIZE) if ports.is_free(port))
    with socket.create_server(("127.0.0.1", result)):
        assert allocator.allocate(2)[0] > result


def test_two_allocators_share_no_block(allocator: PortAllocator) -> None:
    with PortAllocator() as other:
        for _ in range(3):
            allocator.allocate(BLOCK_SIZE // 2 + 1)
            other.allocate(BLOCK_SIZE // 2 + 1)
        assert set(allocator.reserved).isdisjoint(other.reserved)


async def test_another_process_keeps_its_block_until_it_ends(
    other_process: "subprocess.Popen[str]",
) -> None:
    assert other_process.stdout is not None
    port = int(other_process.stdout.readline())
    block = next(block for block in ports.blocks() if port in block)

    def reserve() -> list[range]:
        with PortAllocator() as allocator:
            # As many as are there, up to this one.
            while not allocator.reserved or allocator.reserved[-1][0] < block[0]:
                allocator.allocate(BLOCK_SIZE // 2 + 1)
            return allocator.reserved

    assert block not in reserve()
    other_process.kill()
    await until(lambda: block in reserve())


def test_reservation_of_all_blocks_is_an_error(
    monkeypatch: pytest.MonkeyPatch, allocator: PortAllocator
) -> None:
    allocator.allocate()
    monkeypatch.setattr(ports, "blocks", lambda: allocator.reserved)
    with PortAllocator() as other, pytest.raises(RuntimeError, match="reserved"):
        other.allocate()
