"""A look-up of an image for two architectures, in the registry of this machine with TLS and tokens.

The first look-up fetches a token, manifests, configuration and tags; a known image costs one
request. Rounds alternate with the requests of a plain client that knows what to ask for: one after
the other, each with a connection of its own.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from bench.common import Goal, finish, median_ratio, print_row
from rosetta_hub.http_requests import Request
from rosetta_hub.registries.client import RegistryClient
from rosetta_hub.registries.connection import RegistryAnswer
from rosetta_hub.registries.lookup import ImageDescription, Lookup
from rosetta_hub.registries.references import Reference, parse_reference
from tests.registries.fake_registry import INDEX
from tests.registries.real import REPOSITORY, RealRegistry, token_registry

ROUNDS = 20
MOST_MILLISECONDS = 300
# A look-up against the one request that a plain client needs at least.
MOST_RATIO = 2.0


class Counter:
    """Counts the requests of a client."""

    def __init__(self, client: RegistryClient) -> None:
        self.requests = 0
        self._send = client._connection.send
        client._connection.send = self.send  # type: ignore[method-assign]

    async def send(self, host: str, request: Request) -> RegistryAnswer:
        """Count one, and send it."""
        self.requests += 1
        return await self._send(host, request)


async def timed(action: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds of an action."""
    begin = time.perf_counter()
    await action()
    return 1000 * (time.perf_counter() - begin)


async def head(registry: RealRegistry) -> None:
    """The same request by a plain client that has a token: connection, TLS and answer."""
    context = httpx.create_ssl_context(verify=str(registry.authority))
    headers = {"Authorization": registry.authorization, "Accept": INDEX}
    async with httpx.AsyncClient(verify=context, headers=headers) as http:
        url = f"https://{registry.host}/v2/{REPOSITORY}/manifests/1.2"
        (await http.head(url)).raise_for_status()


async def run(rounds: int) -> list[Goal]:
    """Start a registry, whose token server needs this event loop, and measure."""
    with tempfile.TemporaryDirectory() as folder, token_registry(Path(folder)) as registry:
        return await measure(registry, rounds)


async def measure(registry: RealRegistry, rounds: int) -> list[Goal]:
    """Look the image up, new and known, in turns with the plain request."""
    registry.push("1.2", "amd64", "arm64")
    reference: Reference = parse_reference(f"{registry.host}/{REPOSITORY}:1.2")
    values: dict[str, list[float]] = {"new": [], "known": [], "plain": []}
    counts = set()
    for _ in range(rounds):
        client = registry.client()
        lookup, counter = Lookup(client), Counter(client)

        async def describe(lookup: Lookup = lookup) -> ImageDescription:
            return await lookup.describe(reference, registry.login)

        values["new"].append(await timed(describe))
        counter.requests = 0
        values["known"].append(await timed(describe))
        counts.add(counter.requests)
        values["plain"].append(await timed(lambda: head(registry)))
    for name, times in values.items():
        print_row(name, f"{statistics.median(times):.1f} ms", f"{max(times):.1f} ms")
    return [
        Goal("new image, ms", statistics.median(values["new"]), most=MOST_MILLISECONDS),
        Goal("known image, requests", max(counts), least=1, most=1),
        Goal(
            "known image / plain request",
            median_ratio(values["known"], values["plain"]),
            most=MOST_RATIO,
        ),
    ]


def main() -> None:
    """Measure, print, and judge."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    finish(*asyncio.run(run(rounds)))


if __name__ == "__main__":
    main()
