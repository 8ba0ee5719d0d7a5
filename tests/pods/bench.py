"""A service's parts for one cluster, without its loops."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task
from rosetta_hub.keys import Keys
from rosetta_hub.kubernetes.client import KubernetesClient
from rosetta_hub.reconciler.pod_logs import PodLogs
from rosetta_hub.reconciler.pod_reporter import PodReporter
from rosetta_hub.resources.kubernetes.namespace_queue import KubernetesQueue
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tasks.manager import TaskManager
from tests.support.databases import open_sqlite
from tests.support.eventually import until
from tests.support.starting import start_task

from .fake_api import FakeApi
from .objects import entry

Document = dict[str, Any]
PODS, SECRETS = "/api/v1/namespaces/rosetta/pods", "/api/v1/namespaces/rosetta/secrets"
ALICE = User("alice")


@dataclass
class Bench:
    """One cluster of a service, without its loops."""

    api: FakeApi
    keys: Keys
    tasks: TaskManager
    queue: KubernetesQueue
    reporter: PodReporter
    logs: PodLogs

    def log(self, task: Task) -> str:
        """What is kept of its log."""
        return self.tasks.logs.read(task.id, task.attempt)

    def start(self, name: str = "one") -> Task:
        """A task that asks for a pod."""
        options = {"software": "web", "computing": "cloud"}
        return start_task(self.tasks, name, options, ALICE)

    async def submit(self, task: Task) -> Task:
        """Make its pod, as the reconciler does."""
        job_id = await self.queue.submit(task)

        def submitted(row: Task) -> None:
            row.job_id = job_id

        return self.tasks.update(task, submitted)

    def pod(self, task: Task) -> Document:
        """Its pod, as the server has it."""
        return self.api.objects[f"{PODS}/{self.queue.job_name(task)}"]

    async def report(self, task: Task, **status: Any) -> Task:
        """What becomes of the task when its pod is like that."""
        self.pod(task)["spec"]["nodeName"] = "node1"
        self.pod(task)["status"] = status
        await self.queue.pods._list()
        await self.look()
        return self.tasks.find(task.id)

    async def look(self) -> None:
        """Look at the pods that are due, ask their interfaces, and look at those that answer."""
        await asyncio.gather(*self.reporter.begin_looks())
        await until(lambda: not self.reporter._probes._asked)
        await asyncio.gather(*self.reporter.begin_looks())


async def make_bench(api: FakeApi, directory: Path, **conf: Any) -> Bench:
    """A service's parts, and a server with an empty namespace; `conf` is more of the cluster's."""
    # Pods are due at each step.
    tasks, queue, reporter, logs = build_parts(api.client(), directory, 0.0, **conf)
    await queue.pods._list()
    return Bench(api, Keys(directory), tasks, queue, reporter, logs)


def build_parts(
    client: KubernetesClient, directory: Path, heartbeat: float, **conf: Any
) -> tuple[TaskManager, KubernetesQueue, PodReporter, PodLogs]:
    """A service's parts, for the server that the client knows."""
    software = [{"name": "Web", "image_name": "web", "environment": {"KEY": "s3cret"}}]
    catalogue = load_catalogue(software, [entry(conf=conf)])
    keys, logs = Keys(directory), Logs(directory / "logs", 1 << 20)
    tasks = TaskManager(
        open_sqlite(directory), catalogue, keys, logs, Broadcaster(), lambda _: None
    )
    settings = Rosetta(state_dir=str(directory))
    queue = KubernetesQueue(catalogue.computing["cloud"], settings, keys, client)
    pod_logs = PodLogs("cloud", queue, tasks)
    reporter = PodReporter("cloud", queue, tasks, heartbeat, pod_logs)
    return tasks, queue, reporter, pod_logs
