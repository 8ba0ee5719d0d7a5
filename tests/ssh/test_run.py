"""Commands over the one connection of an identity."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from rosetta_hub.access import Completed
from rosetta_hub.ssh import Endpoint, command
from rosetta_hub.ssh.command import build_remote_command
from rosetta_hub.ssh.errors import SshRefused, TimedOut, Unreachable
from rosetta_hub.ssh.keys import KeyPair
from rosetta_hub.ssh.pool import Pool
from tests.ssh.conftest import StartSshd, make_endpoint
from tests.support.eventually import until
from tests.support.sshd import Sshd


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["squeue", "--me"], "squeue --me"),
        (["echo", "a b", "$HOME", "it's", ""], """echo 'a b' '$HOME' 'it'"'"'s' ''"""),
        (["sh", "-c", "a; b && `c`\n"], "sh -c 'a; b && `c`\n'"),
    ],
)
def test_build_remote_command(argv: list[str], text: str) -> None:
    assert build_remote_command(argv) == text


async def test_input_output_and_status(pool: Pool, endpoint: Endpoint) -> None:
    script = "cat; echo $0 oops >&2; exit 7"
    result = await pool.run(endpoint, ["sh", "-c", script, "it's $HOME"], "grüße\n", 20)
    assert result == Completed(7, "grüße\n", "it's $HOME oops\n")


async def test_signal_is_a_negative_status(pool: Pool, endpoint: Endpoint) -> None:
    result = await pool.run(endpoint, ["sh", "-c", "kill -9 $$"], "", 20)
    assert result.returncode == -9


async def test_command_that_reads_nothing(pool: Pool, endpoint: Endpoint) -> None:
    assert (await pool.run(endpoint, ["true"], "x" * 5_000_000, 20)).returncode == 0


async def test_large_input_arrives_whole(pool: Pool, endpoint: Endpoint) -> None:
    assert (await pool.run(endpoint, ["wc", "-c"], "x" * 5_000_000, 20)).stdout == "5000000\n"


@pytest.mark.parametrize("stream", ["", " >&2"])
async def test_output_without_end_is_refused(pool: Pool, endpoint: Endpoint, stream: str) -> None:
    with pytest.raises(SshRefused, match="more than 8 MB"):
        await pool.run(endpoint, ["sh", "-c", f"cat /dev/zero{stream}"], "", 30)
    assert (await pool.run(endpoint, ["echo", "on"], "", 20)).stdout == "on\n"


async def test_long_output_within_the_limit(pool: Pool, endpoint: Endpoint) -> None:
    size = command.LARGEST_OUTPUT
    result = await pool.run(endpoint, ["head", "-c", str(size), "/dev/zero"], "", 30)
    assert len(result.stdout) == size


async def test_command_that_takes_too_long_is_ended(
    pool: Pool, start_sshd: StartSshd, key_pair: KeyPair
) -> None:
    """It is sent a signal, which sshd passes on for all users but root; others go on."""
    sshd = start_sshd(LogLevel="DEBUG1")
    sshd.authorize(key_pair.public_key)
    endpoint = make_endpoint(sshd, key_pair)
    # Or else the time would be over while it connects.
    await pool.run(endpoint, ["true"], "", 20)
    for _ in range(3):
        with pytest.raises(TimedOut, match="sh did not end in time"):
            await pool.run(endpoint, ["sh", "-c", "while sleep 0.1; do echo; done"], "", 0.5)
    assert (await pool.run(endpoint, ["echo", "on"], "", 20)).stdout == "on\n"
    await until(lambda: sshd.log.count("request signal reply 0") == 3)


async def test_hundred_commands_at_once_share_a_connection(
    pool: Pool, endpoint: Endpoint, sshd: Sshd
) -> None:
    """sshd allows ten sessions at a time (MaxSessions)."""
    runs = (pool.run(endpoint, ["echo", str(number)], "", 60) for number in range(100))
    results = await asyncio.gather(*runs)
    assert [result.stdout for result in results] == [f"{number}\n" for number in range(100)]
    assert sshd.log.count("Accepted publickey") == 1


@pytest.mark.parametrize("sessions", ["1", "3"])
async def test_server_that_allows_few_sessions(
    pool: Pool, start_sshd: StartSshd, key_pair: KeyPair, sessions: str
) -> None:
    sshd = start_sshd(MaxSessions=sessions)
    sshd.authorize(key_pair.public_key)
    endpoint = make_endpoint(sshd, key_pair)
    runs = (pool.run(endpoint, ["echo", str(number)], "", 60) for number in range(4))
    assert [result.returncode for result in await asyncio.gather(*runs)] == [0] * 4


async def test_server_without_sessions_refuses(
    pool: Pool, start_sshd: StartSshd, key_pair: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rosetta_hub.ssh.connection.OPEN_DELAY", 0.001)
    sshd = start_sshd(MaxSessions="0")
    sshd.authorize(key_pair.public_key)
    with pytest.raises(SshRefused, match="MaxSessions"):
        await pool.run(make_endpoint(sshd, key_pair), ["true"], "", 20)


async def test_terminal_comes_first(pool: Pool, start_sshd: StartSshd, key_pair: KeyPair) -> None:
    """sshd decides about Nagle's algorithm when it starts the first session."""
    sshd = start_sshd(LogLevel="DEBUG1")
    sshd.authorize(key_pair.public_key)
    await pool.run(make_endpoint(sshd, key_pair), ["true"], "", 20)
    requests = [line for line in sshd.log.splitlines() if "server_input_channel_req" in line]
    assert "pty-req" in requests[0], requests


async def test_server_without_terminals_is_used(
    pool: Pool, start_sshd: StartSshd, key_pair: KeyPair
) -> None:
    sshd = start_sshd(PermitTTY="no")
    sshd.authorize(key_pair.public_key)
    result = await pool.run(make_endpoint(sshd, key_pair), ["echo", "on"], "", 20)
    assert result.stdout == "on\n"


async def test_restarted_server_cuts_nobody(pool: Pool, endpoint: Endpoint, sshd: Sshd) -> None:
    running = asyncio.create_task(pool.run(endpoint, ["cat"], "on", 20))
    assert (await running).stdout == "on"
    sshd.stop()
    assert (await pool.run(endpoint, ["echo", "on"], "", 20)).stdout == "on\n"
    sshd.start()
    assert sshd.log.count("Accepted publickey") == 1


async def test_lost_connection_is_opened_again(
    pool: Pool, endpoint: Endpoint, sshd: Sshd, tmp_path: Path
) -> None:
    await pool.run(endpoint, ["true"], "", 20)
    marker = tmp_path / "runs"
    script = f"touch {marker}; while sleep 0.1; do echo; done"
    running = asyncio.create_task(pool.run(endpoint, ["sh", "-c", script], "", 60))
    await until(marker.exists)
    sshd.kill()
    with pytest.raises(Unreachable, match="lost"):
        await running
    with pytest.raises(Unreachable, match="can't be reached"):
        await pool.run(endpoint, ["true"], "", 1)
    sshd.start()
    assert (await pool.run(endpoint, ["echo", "on"], "", 40)).stdout == "on\n"


async def test_crowd_of_users_is_let_in(
    pool: Pool, start_sshd: StartSshd, key_pair: KeyPair
) -> None:
    """sshd drops some of those who log in while others do (MaxStartups)."""
    sshd = start_sshd(MaxStartups="2:60:6")
    sshd.authorize(key_pair.public_key)
    endpoint = make_endpoint(sshd, key_pair)
    everybody = [replace(endpoint, identity=f"user {number}") for number in range(20)]
    runs = (pool.run(item, ["echo", item.identity], "", 60) for item in everybody)
    results = await asyncio.gather(*runs)
    assert [result.stdout.strip() for result in results] == [item.identity for item in everybody]
    assert sshd.log.count("Accepted publickey") == 20


async def test_failures_are_not_repeated_at_once(
    pool: Pool, endpoint: Endpoint, sshd: Sshd
) -> None:
    """A server that shuts out who knocks too often must not be made to."""
    sshd.stop()
    started = time.monotonic()
    for _ in range(30):
        with pytest.raises(Unreachable):
            await pool.run(endpoint, ["true"], "", 0.01)
    failures = pool.identity(endpoint)._failures
    assert failures <= 2 + int((time.monotonic() - started) / 0.25)


async def test_forgotten_key_connects_anew(pool: Pool, endpoint: Endpoint, sshd: Sshd) -> None:
    await pool.run(endpoint, ["true"], "", 20)
    pool.forget(endpoint)
    await pool.run(endpoint, ["true"], "", 20)
    assert sshd.log.count("Accepted publickey") == 2


async def test_new_certificate_of_an_endpoint_cuts_nothing(
    pool: Pool, endpoint: Endpoint, sshd: Sshd
) -> None:
    await pool.run(endpoint, ["true"], "", 20)
    await pool.run(replace(endpoint, known_hosts=endpoint.known_hosts + "\n"), ["true"], "", 20)
    assert sshd.log.count("Accepted publickey") == 1


async def test_other_route_connects_anew(
    pool: Pool, endpoint: Endpoint, start_sshd: StartSshd, key_pair: KeyPair, sshd: Sshd
) -> None:
    other = start_sshd()
    other.authorize(key_pair.public_key)
    await pool.run(endpoint, ["true"], "", 20)
    await pool.run(make_endpoint(other, key_pair), ["true"], "", 20)
    assert other.log.count("Accepted publickey") == 1
    await until(lambda: "Disconnected from user" in sshd.log or "Received disconnect" in sshd.log)


async def test_idle_identity_is_disconnected(
    pool: Pool, endpoint: Endpoint, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pool.run(endpoint, ["true"], "", 20)
    await pool.drop_idle()
    assert pool.identity(endpoint).is_connected
    monkeypatch.setattr("rosetta_hub.ssh.identity.IDLE_TIME", -1)
    await pool.drop_idle()
    await until(lambda: "disconnect" in sshd.log)
