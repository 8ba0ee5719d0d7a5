"""The one connection of an identity, without a server."""

import asyncio

import pytest
from cryptography.exceptions import UnsupportedAlgorithm

from rosetta_hub.ssh import Endpoint
from rosetta_hub.ssh.connection import SshConnection
from rosetta_hub.ssh.errors import Unreachable
from rosetta_hub.ssh.identity import IdentityConnection

ENDPOINT = Endpoint("cluster", "user alice", "login.example.org", 22, "alice", "a key")
DEADLINE = 20


@pytest.fixture
async def identity() -> IdentityConnection:
    return IdentityConnection(ENDPOINT, asyncio.Semaphore(1))


async def test_unexpected_error_is_a_failure_with_backoff(
    identity: IdentityConnection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """For example an algorithm that the installed cryptography does not have."""
    attempts = []

    async def fail(endpoint: Endpoint) -> SshConnection:
        attempts.append(endpoint)
        raise UnsupportedAlgorithm("no such curve")

    monkeypatch.setattr(SshConnection, "open", fail)
    async with asyncio.timeout(DEADLINE):
        for _ in range(5):
            with pytest.raises(Unreachable, match="log of the tunnels' process"):
                await identity.connection(wait=0.01)
    assert len(attempts) == 1
    assert "no such curve" in caplog.text


async def test_deadline_holds_while_openings_are_cancelled(
    identity: IdentityConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another route cancels an opening; who waits for it does not wait for ever."""

    async def reset(endpoint: Endpoint) -> SshConnection:
        identity.reset()
        await asyncio.sleep(0)
        raise AssertionError("the opening was cancelled before")

    monkeypatch.setattr(SshConnection, "open", reset)
    async with asyncio.timeout(DEADLINE):
        with pytest.raises(Unreachable, match="in time"):
            await identity.connection(wait=0.05)
