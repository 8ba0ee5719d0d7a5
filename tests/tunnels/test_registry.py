"""The tunnels of a process, in the process of the test."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rosetta_hub.ssh.pool import Pool
from rosetta_hub.tunnels import ReverseRoute, Tunnel
from rosetta_hub.tunnels.registry import TunnelRegistry

FIRST, SECOND = "0123456789ab", "ba9876543210"


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[TunnelRegistry]:
    (tmp_path / "t").mkdir()
    registry = TunnelRegistry(Pool(), tmp_path / "t")
    yield registry
    await registry.close()
    # Servers close in a later round of the loop.
    await asyncio.sleep(0)


def make_tunnel(task: str, attempt: int = 1) -> Tunnel:
    return Tunnel(task, attempt, ReverseRoute("00" * 32))


async def test_tunnel_that_could_not_listen_is_opened_later(
    registry: TunnelRegistry, tmp_path: Path
) -> None:
    """For example while the process had no file descriptor left."""
    (tmp_path / "t").rename(tmp_path / "away")
    with pytest.raises(FileNotFoundError):
        await registry.put(make_tunnel(FIRST))
    assert registry.states() == {}
    (tmp_path / "away").rename(tmp_path / "t")
    await registry.put(make_tunnel(FIRST))
    assert (tmp_path / "t" / f"{FIRST}.sock").is_socket()


async def test_tunnel_that_cannot_listen_does_not_stop_the_others(
    registry: TunnelRegistry, tmp_path: Path
) -> None:
    (tmp_path / "t" / f"{FIRST}.sock").mkdir()
    errors = await registry.put_all([make_tunnel(FIRST), make_tunnel(SECOND)])
    assert list(errors) == [FIRST]
    assert "directory" in errors[FIRST].lower()
    assert (tmp_path / "t" / f"{SECOND}.sock").is_socket()
    (tmp_path / "t" / f"{FIRST}.sock").rmdir()
    assert await registry.put_all([make_tunnel(FIRST), make_tunnel(SECOND)]) == {}
    assert (tmp_path / "t" / f"{FIRST}.sock").is_socket()


async def test_full_state_names_what_stays_as_it_is(registry: TunnelRegistry) -> None:
    await registry.put(make_tunnel(FIRST))
    await registry.put(make_tunnel(SECOND))
    await registry.put_all([make_tunnel(SECOND)], kept_ids=[FIRST])
    assert set(registry.states()) == {FIRST, SECOND}
    await registry.put_all([make_tunnel(SECOND)])
    assert set(registry.states()) == {SECOND}


async def test_close_during_a_full_state_is_not_undone(registry: TunnelRegistry) -> None:
    """The calls count in the order in which they came, however long each takes."""
    full = asyncio.create_task(registry.put_all([make_tunnel(FIRST), make_tunnel(SECOND)]))
    await asyncio.sleep(0)
    await registry.delete(SECOND)
    await full
    assert set(registry.states()) == {FIRST}
