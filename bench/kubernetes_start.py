"""From Start to inside on the Kubernetes test cluster, against `kubectl run` and `kubectl wait`.

Ours is everything: the REST API, the hub, the spawner, the service, the pod and its secret, the
tunnel, the edge. By hand means: from `kubectl run` until `kubectl wait --for=condition=Ready`
returns; nothing is asked of the pod. The image is on the nodes, and both have the same limits. The
API server's audit log tells what the hub's account asked: during a start, and during half a minute
in which tasks run that nobody uses.

    python -m bench.kubernetes_start [ROUNDS]

ROSETTA_TEST_KUBERNETES=DIRECTORY takes a cluster that runs already (scripts/cluster).
"""

import asyncio
import collections
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.common import Goal, finish, print_row
from bench.kubernetes_common import IMAGE, kubectl_command, read_kubectl_version, wait_until_gone
from tests.e2e.deployment import Deployment, User
from tests.kubernetes.cluster import NAMESPACE, KubernetesCluster, started_cluster
from tests.kubernetes.conftest import SOFTWARE, computing_of

ROUNDS = 10
MOST_SECONDS, MOST_CALLS, MOST_WATCHES = 0.5, 6.0, 1.0
POLL = 0.02
CPUS, MEMORY = 0.5, 64 << 20
# Tasks that run while nobody uses them, and for how many seconds they are looked at. A watch lasts
# a minute, so that at most one begins meanwhile.
IDLE_TASKS, IDLE_SECONDS = 3, 30.0
BY_HAND = "by-hand"

Calls = collections.Counter[str]


class Audit:
    """The requests of the hub's account that the API server has logged."""

    def __init__(self, cluster: KubernetesCluster) -> None:
        self._path = cluster.state / "logs" / "audit.log"
        self._position = 0

    def read(self) -> Calls:
        """What was asked since the last look, by verb and resource."""
        with self._path.open() as log:
            log.seek(self._position)
            lines = log.readlines()
            self._position = log.tell()
        # A watch is logged when it begins and when it ends.
        events = {event["auditID"]: event for event in map(json.loads, lines) if _is_ours(event)}
        return collections.Counter(map(_describe, events.values()))


def _is_ours(event: dict[str, Any]) -> bool:
    return bool(event.get("objectRef", {}).get("namespace") == NAMESPACE)


def _describe(event: dict[str, Any]) -> str:
    target = event["objectRef"]
    resource = "/".join(filter(None, [target["resource"], target.get("subresource")]))
    return f"{event['verb']} {resource}"


def start_by_hand(cluster: KubernetesCluster) -> float:
    """Seconds until the pod is ready."""
    limits = {"cpu": str(CPUS), "memory": str(MEMORY)}
    container = {"name": BY_HAND, "image": IMAGE, "resources": {"limits": limits}}
    overrides = json.dumps({"apiVersion": "v1", "spec": {"containers": [container]}})
    run = ["run", BY_HAND, f"--image={IMAGE}", "--restart=Never", f"--overrides={overrides}"]
    wait = ["wait", "--for=condition=Ready", f"pod/{BY_HAND}", "--timeout=60s"]
    began = time.monotonic()
    for words in (run, wait):
        subprocess.run(kubectl_command(cluster, *words), check=True, capture_output=True)
    took = time.monotonic() - began
    delete = ["delete", "pod", BY_HAND, "--grace-period=0", "--force"]
    subprocess.run(kubectl_command(cluster, *delete), check=True, capture_output=True)
    return took


async def start(user: User) -> dict[str, object]:
    """A task of ours that can be opened."""
    task = await user.start(software="web", computing="cloud")
    async with asyncio.timeout(120):
        while (view := await user.task(task["id"])) and not view["open_url"]:
            assert view["state"] != "failed", (view["message"], view["log_tail"])
            await asyncio.sleep(POLL)
    assert view is not None
    return view


async def start_with_us(user: User, audit: Audit) -> tuple[float, Calls]:
    """Seconds until the interface answers through the edge, and what was asked until it could."""
    audit.read()
    began = time.monotonic()
    task = await start(user)
    calls = audit.read()
    opened = await user.enter(task)
    assert (await opened.get()).code == 200
    took = time.monotonic() - began
    await user.clean()
    return took, calls


async def idle(user: User, audit: Audit) -> Calls:
    """What is asked while tasks run that nobody uses."""
    for _ in range(IDLE_TASKS):
        await start(user)
    audit.read()
    await asyncio.sleep(IDLE_SECONDS)
    calls = audit.read()
    await user.clean()
    return calls


async def measure(
    cluster: KubernetesCluster, directory: Path, rounds: int
) -> tuple[list[float], list[float], list[Calls], Calls]:
    """The seconds of each round by hand and with us, what each start asked, and idle tasks."""
    resource = computing_of(cluster)[0] | {"default_cpus": CPUS, "default_memory": MEMORY}
    deployment = Deployment(directory / "hub", SOFTWARE, [resource])
    by_hand: list[float] = []
    ours: list[float] = []
    calls: list[Calls] = []
    try:
        await deployment.start()
        user, audit = await deployment.user("alice"), Audit(cluster)
        await start_with_us(user, audit)
        for _ in range(rounds):
            await wait_until_gone(cluster)
            by_hand.append(await asyncio.to_thread(start_by_hand, cluster))
            await wait_until_gone(cluster)
            took, requests = await start_with_us(user, audit)
            ours.append(took)
            calls.append(requests)
        return by_hand, ours, calls, await idle(user, audit)
    finally:
        await deployment.stop()


async def main(rounds: int) -> None:
    """Compare, and print."""
    with started_cluster() as cluster, tempfile.TemporaryDirectory() as name:
        by_hand, ours, calls, idle_calls = await measure(cluster, Path(name), rounds)
    print_row(f"{rounds} rounds", "median", "most")
    hand = f"kubectl {read_kubectl_version()} run, wait"
    for who, seconds in ((hand, by_hand), ("Rosetta Hub", ours)):
        print_row(who, f"{statistics.median(seconds):.2f} s", f"{max(seconds):.2f} s")
    typical = sorted(calls, key=Calls.total)[len(calls) // 2]
    print(f"requests of a start: {dict(typical)}")
    print(f"requests in {IDLE_SECONDS:.0f} s of {IDLE_TASKS} tasks: {dict(idle_calls)}")
    more = statistics.median(mine - theirs for mine, theirs in zip(ours, by_hand, strict=True))
    finish(
        Goal("s more", more, most=MOST_SECONDS),
        Goal("requests a start", float(typical.total()), most=MOST_CALLS),
        Goal("requests while idle", float(idle_calls.total()), most=MOST_WATCHES),
    )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))
