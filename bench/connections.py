"""`rosetta ssh` against `ssh` to the task's own port: bytes, round trips, and the time to log in.

    python -m bench.connections [ROUNDS [MEGABYTES]]

Both lead to the same SSH server in a container of this machine. Directly, the bytes pass the edge
alone; ours pass the hub's proxy, the service and the edge, inside of a WebSocket. Goals: at least
0.5 of the bytes a second each way, at most 2 ms more for a round trip, and at most 2.5 s more to
log in, which starts three Python programs.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.common import Goal, Measure, alternate, finish, median_ratio, print_row
from tests.e2e.conftest import COMPUTING, SOFTWARE
from tests.e2e.deployment import Deployment, User

ROUND_TRIPS = 200
BASE, OURS = "ssh", "rosetta ssh"
UNSAFE = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-q")


@dataclass(frozen=True)
class Login:
    """A way to log in: the command, before the one that runs there, and its variables."""

    command: Sequence[str]
    variables: dict[str, str]

    def begin(self, command: str) -> subprocess.Popen[bytes]:
        """Run a command there."""
        return subprocess.Popen(
            [*self.command, command],
            env={**os.environ, **self.variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def measure_login(self) -> float:
        """Seconds until a command has run."""
        began = time.monotonic()
        self.begin("true").communicate()
        return time.monotonic() - began

    def measure_down(self, size: int) -> float:
        """Bytes a second, from there to here."""
        process = self._begin_late(f"head -c {size} /dev/zero")
        began = time.monotonic()
        received = len(process.communicate(b"\n")[0])
        assert received == size, received
        return size / (time.monotonic() - began)

    def measure_up(self, size: int) -> float:
        """Bytes a second, from here to there."""
        process = self._begin_late("wc -c")
        data = bytes(size)
        began = time.monotonic()
        counted = int(process.communicate(b"\n" + data)[0])
        assert counted == size, counted
        return size / (time.monotonic() - began)

    def _begin_late(self, command: str) -> subprocess.Popen[bytes]:
        """The login is over when this returns; the command runs once a line is sent."""
        process = self.begin(f"echo; read -r _; {command}")
        assert process.stdout is not None
        assert os.read(process.stdout.fileno(), 1) == b"\n"
        return process

    def measure_round_trip(self) -> float:
        """The median of seconds that a byte takes there and back."""
        process = self.begin("cat")
        assert process.stdin is not None
        assert process.stdout is not None
        times = []
        for _ in range(ROUND_TRIPS + 1):
            began = time.monotonic()
            os.write(process.stdin.fileno(), b"x")
            assert os.read(process.stdout.fileno(), 1) == b"x"
            times.append(time.monotonic() - began)
        process.communicate()
        # The first one has waited for the login.
        return statistics.median(times[1:])


async def make_logins(user: User, home: Path) -> dict[str, Login]:
    """Both ways into a new task."""
    task = await user.until((await user.start(software="ssh"))["id"], "running")
    answer = await user.api("GET", f"tasks/{task['id']}/password")
    port = task["interface"]["url"].split()[2]
    direct = ("sshpass", "-e", "ssh", *UNSAFE, "-p", port, "metauser@127.0.0.1")
    ours = (str(Path(sys.executable).with_name("rosetta")), "ssh", task["id"])
    variables = {
        "ROSETTA_HUB": user.deployment.url,
        "ROSETTA_TOKEN": user.token,
        "ROSETTA_CONFIG": str(home / "config.json"),
    }
    return {
        BASE: Login(direct, {"SSHPASS": json.loads(answer.body)["password"]}),
        OURS: Login(ours, variables),
    }


def compare(logins: dict[str, Login], rounds: int, size: int) -> list[Goal]:
    """Measure in rounds, and print."""
    kinds: dict[str, dict[str, Measure]] = {
        "MB/s down": {name: partial(login.measure_down, size) for name, login in logins.items()},
        "MB/s up": {name: partial(login.measure_up, size) for name, login in logins.items()},
        "ms": {name: login.measure_round_trip for name, login in logins.items()},
        "s to log in": {name: login.measure_login for name, login in logins.items()},
    }
    scales = {"MB/s down": 1e-6, "MB/s up": 1e-6, "ms": 1000, "s to log in": 1}
    values = {kind: alternate(measures, rounds) for kind, measures in kinds.items()}
    print_row("", *kinds)
    for name in logins:
        cells = (statistics.median(values[kind][name]) * scales[kind] for kind in kinds)
        print_row(name, *(f"{cell:.2f}" for cell in cells))

    def more(kind: str) -> float:
        pairs = zip(values[kind][OURS], values[kind][BASE], strict=True)
        return statistics.median(ours - base for ours, base in pairs) * scales[kind]

    return [
        *(
            Goal(f"{kind}, ratio", median_ratio(values[kind][OURS], values[kind][BASE]), least=0.5)
            for kind in ("MB/s down", "MB/s up")
        ),
        Goal("round trip, ms more", more("ms"), most=2),
        Goal("login, s more", more("s to log in"), most=2.5),
    ]


async def main(rounds: int, megabytes: int) -> None:
    """Compare both ways into one task."""
    software = [entry for entry in SOFTWARE if entry["id"] == "ssh"]
    with tempfile.TemporaryDirectory() as name:
        deployment = Deployment(Path(name) / "hub", software, COMPUTING)
        await deployment.start()
        try:
            logins = await make_logins(await deployment.user("alice"), Path(name))
            goals = await asyncio.to_thread(compare, logins, rounds, megabytes * 1_000_000)
        finally:
            await deployment.stop()
    finish(*goals)


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:]]
    asyncio.run(main(*(*numbers, *(5, 100)[len(numbers) :])))
