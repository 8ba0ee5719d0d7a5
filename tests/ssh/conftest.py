"""Real sshd processes, and a pool that connects to them."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.ssh import Endpoint
from rosetta_hub.ssh.keys import KeyPair, generate_key_pair
from rosetta_hub.ssh.pool import Pool
from tests.support.sshd import Sshd

StartSshd = Callable[..., Sshd]


@pytest.fixture
def start_sshd(tmp_path: Path) -> Iterator[StartSshd]:
    """Starts any number of them; each lets the key pair in unless it is told not to."""
    started: list[Sshd] = []

    def start(**options: str) -> Sshd:
        sshd = Sshd(tmp_path / f"sshd{len(started)}", **options)
        started.append(sshd)
        return sshd.start()

    yield start
    for sshd in started:
        sshd.kill()


@pytest.fixture(scope="session")
def key_pair() -> KeyPair:
    return generate_key_pair("a test")


@pytest.fixture
def sshd(start_sshd: StartSshd, key_pair: KeyPair) -> Sshd:
    """One with the defaults of OpenSSH, which lets the key pair in."""
    sshd = start_sshd()
    sshd.authorize(key_pair.public_key)
    return sshd


def make_endpoint(sshd: Sshd, pair: KeyPair, **changes: Any) -> Endpoint:
    """The endpoint of an sshd."""
    endpoint = Endpoint(
        resource="cluster",
        identity="user alice",
        host="127.0.0.1",
        port=sshd.port,
        username=sshd.username,
        private_key=pair.private_key,
        known_hosts=sshd.known_hosts,
    )
    return replace(endpoint, **changes)


@pytest.fixture
def endpoint(sshd: Sshd, key_pair: KeyPair) -> Endpoint:
    return make_endpoint(sshd, key_pair)


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool()
    yield pool
    await pool.close()
