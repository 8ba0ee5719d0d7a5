"""From Start to inside on the Slurm test cluster, against `sbatch` and `singularity run` by hand.

Ours is everything: the REST API, the hub, the spawner, the service, the queue, the agent, the
tunnel, the edge. By hand means: on the login node, from sbatch until the container's port answers
there; SSH's login is not counted. The nodes are idle, and both run the same image file, which is
there before the first round. The scheduler is asked as often as by default.

    python -m bench.start_on_cluster [ROUNDS]

ROSETTA_TEST_CLUSTER=NAME takes a cluster that runs already (scripts/cluster).
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench.common import Goal, finish, print_row
from rosetta_hub.catalogue.computing import Computing
from tests.e2e.deployment import Deployment, User
from tests.hpc.hub import EXTRA, SOFTWARE, Hub, slurm_resource
from tests.support.cluster import Cluster, started_cluster
from tests.support.ports import free_port

ROUNDS = 10
MOST_SECONDS = 1.0
POLL = 0.02
# A batch script as users write it; the port is that of the task's image.
BATCH = """#!/bin/sh
export APPTAINERENV_BASE_PORT={port}
exec singularity run --writable-tmpfs /tmp/rosetta-$(id -u)/images/*.sif sh -c '{serve}'
"""
SERVE = "mkdir -p /tmp/www; echo hello >/tmp/www/index.html; exec httpd -f -p {port} -h /tmp/www"
# Prints when it began, and when it was answered.
BY_HAND = """
began=$(date +%s.%N)
job=$(sbatch --parsable --job-name=byhand --cpus-per-task=1 --mem=512M --time=10 --nodelist={node} \
    --output=/dev/null) || exit 1
until curl --silent --output /dev/null --max-time 1 http://{node}:{port}/; do sleep {poll}; done
ended=$(date +%s.%N)
scancel "$job"
while [ -n "$(squeue --noheader --job "$job" 2>/dev/null)" ]; do sleep 0.1; done
echo "$began $ended"
"""


def start_by_hand(cluster: Cluster, node: str) -> float:
    """Seconds from sbatch until the container's port answers on the login node."""
    port = free_port()
    script = BATCH.format(port=port, serve=SERVE.format(port=port))
    command = ["sh", "-c", BY_HAND.format(node=node, port=port, poll=POLL)]
    began, ended = cluster.run("login", command, "alice", script).split()
    return float(ended) - float(began)


async def start_with_us(user: User) -> tuple[float, str]:
    """Seconds until the interface answers through the edge, and the node."""
    began = time.monotonic()
    task = await user.start(software="tiny", computing="cluster", size="small")
    async with asyncio.timeout(120):
        while (view := await user.task(task["id"])) and not view["open_url"]:
            assert view["state"] != "failed", (view["message"], view["log_tail"])
            await asyncio.sleep(POLL)
    assert view is not None
    opened = await user.enter(view)
    assert (await opened.get()).code == 200
    took = time.monotonic() - began
    await user.clean()
    return took, str(view["job"]["node"])


async def compare(cluster: Cluster, directory: Path, rounds: int) -> tuple[list[float], ...]:
    """The seconds of each round, by hand and with us."""
    resource = slurm_resource(
        cluster, query_interval=Computing.model_fields["query_interval"].default
    )
    extra = EXTRA.format(address=cluster.hub_address, dial=free_port())
    deployment = Deployment(directory / "hub", SOFTWARE, [resource], extra=extra)
    await deployment.start()
    by_hand, ours = [], []
    try:
        user = await Hub(deployment, cluster).member("alice", "cluster")
        _, node = await start_with_us(user)
        for _ in range(rounds):
            by_hand.append(await asyncio.to_thread(start_by_hand, cluster, node))
            ours.append((await start_with_us(user))[0])
    finally:
        await deployment.stop()
    return by_hand, ours


async def main(rounds: int) -> None:
    """Compare, and print."""
    with started_cluster() as cluster, tempfile.TemporaryDirectory() as name:
        by_hand, ours = await compare(cluster, Path(name), rounds)
    print_row(f"{rounds} rounds", "median", "most")
    print_row("by hand", f"{statistics.median(by_hand):.2f} s", f"{max(by_hand):.2f} s")
    print_row("Rosetta Hub", f"{statistics.median(ours):.2f} s", f"{max(ours):.2f} s")
    more = statistics.median(mine - theirs for mine, theirs in zip(ours, by_hand, strict=True))
    finish(Goal("s more", more, most=MOST_SECONDS))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))
