"""The API server of tests/pods in a process of its own: for bench.kubernetes_memory.

    python -m bench.kubernetes_api FOLDER TASKS

It prints its port. Then, for each line that it reads, it does what the line says, and prints what
it was asked since the last one, as JSON: `start` makes the tasks, whose pods run, in the database
in the folder; `count` does nothing.
"""

import asyncio
import collections
import json
import sys
from pathlib import Path
from unittest import mock

from rosetta_hub.reconciler import pod_probes
from tests.pods.bench import Bench, make_bench
from tests.pods.fake_api import FakeApi
from tests.pods.objects import running

# A server of version 1.20 keeps more of each pod than it was asked for, most of all who has set
# which field.
FIELDS = {"f:status": {"f:conditions": "x" * 3000}}
MANAGED = [{"manager": "kubelet", "operation": "Update", "fieldsV1": FIELDS}]


async def start(bench: Bench, tasks: int) -> None:
    """Make tasks whose pods run and answer, as far as everybody knows."""
    bench.reporter._heartbeat = 3600
    for number in range(tasks):
        task = await bench.submit(bench.start(f"server-{number}"))
        pod = bench.pod(task)
        pod["metadata"]["managedFields"] = MANAGED
        pod.update(status=running())
        pod["spec"]["nodeName"] = "node1"
    await bench.queue.pods._list()
    with mock.patch.object(pod_probes, "answers", _answer):
        await bench.look()


async def _answer(*_: object) -> bool:
    return True


async def main(folder: Path, tasks: int) -> None:
    """Serve until nothing more is to be read."""
    api = FakeApi(folder)
    bench = await make_bench(api, folder)
    print(api.server.url, flush=True)
    while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
        if line == "start":
            await start(bench, tasks)
        counts = collections.Counter(
            _describe(*call) for call in zip(api.asked, api.queries, strict=True)
        )
        api.asked.clear()
        api.queries.clear()
        print(json.dumps(counts), flush=True)


def _describe(request: tuple[str, str], query: dict[str, str]) -> str:
    method, path = request
    return f"watch {path}" if "watch" in query else f"{method} {path}"


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
