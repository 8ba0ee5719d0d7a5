"""The pods through which files are reached: what is created, found again and removed."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.catalogue.catalogue import load_catalogue
from rosetta_hub.catalogue.conf_kubernetes import NamespaceConf
from rosetta_hub.catalogue.owners import Owner
from rosetta_hub.database.models import utc_now
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.keys import Keys
from rosetta_hub.resources.kubernetes import file_pods
from rosetta_hub.resources.kubernetes.file_pod import (
    ServedPlace,
    build_file_pod,
    find_digest,
    serve,
)
from rosetta_hub.resources.kubernetes.file_pods import FilePod, FilePods, remove_file_pods
from rosetta_hub.resources.kubernetes.volumes import Place
from tests.support.eventually import until

from .fake_api import Answer, FakeApi, failure
from .objects import NAMESPACE, computing, container, entry

Document = dict[str, Any]
NAMESPACE_PATH = f"/api/v1/namespaces/{NAMESPACE}"
PODS, SECRETS = f"{NAMESPACE_PATH}/pods", f"{NAMESPACE_PATH}/secrets"
SERVED = ServedPlace(Place("homes"), Owner(1000, 1000))
RUNNING = {"phase": "Running", "containerStatuses": container("running")}
DEADLINE = 30


def conf_of(**changes: Any) -> NamespaceConf:
    conf = computing(conf={"agent_image": "python:3.13", **changes}).conf
    assert isinstance(conf, NamespaceConf)
    return conf


def build(served: ServedPlace = SERVED, **changes: Any) -> Document:
    return build_file_pod(served, conf_of(**changes), "0123abcd", 1, ())


class Bench:
    """What keeps the pods, at a server of this process."""

    def __init__(self, api: FakeApi, folder: Path) -> None:
        self.api, self.keys = api, Keys(folder)
        self.task_pods: dict[str, Document] = {}
        self.pods = self.restarted()

    def restarted(self) -> FilePods:
        """What a service that was restarted has."""
        return FilePods(conf_of(), self.keys, self.api.client(), lambda: self.task_pods)

    def created(self, path: str) -> list[Document]:
        result = self.api.objects.items()
        return [document for key, document in result if key.startswith(f"{path}/")]

    async def ready(self, pods: FilePods | None = None) -> FilePod:
        """The pod, whose container starts as soon as pod and secret are there."""
        task = asyncio.create_task((pods or self.pods).ready(SERVED, DEADLINE))

        def is_ready() -> bool:
            secrets = {secret["metadata"]["name"] for secret in self.created(SECRETS)}
            for pod in self.created(PODS):
                if pod["status"]["phase"] == "Pending" and pod["metadata"]["name"] in secrets:
                    pod["status"] = RUNNING
            return task.done()

        await until(is_ready)
        return await task


@pytest.fixture
def bench(api: FakeApi, tmp_path: Path) -> Bench:
    return Bench(api, tmp_path)


def test_the_pod_runs_as_the_owner_with_the_claim_and_little_else() -> None:
    spec = build()["spec"]
    (program,) = spec["containers"]
    assert program["securityContext"] == {
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["securityContext"]["fsGroup"] == 1000
    assert spec["volumes"][0]["persistentVolumeClaim"] == {"claimName": "homes", "readOnly": False}
    assert not spec["automountServiceAccountToken"]
    assert "affinity" not in spec


def test_what_is_only_read_is_nobodys_and_keeps_its_groups() -> None:
    served = ServedPlace(Place("", "/data"), None, read_only=True)
    spec = build(served)["spec"]
    (program,) = spec["containers"]
    assert program["securityContext"]["runAsUser"] == 65534
    assert program["volumeMounts"][0]["readOnly"]
    assert "fsGroup" not in spec["securityContext"]


def test_settings_of_the_resource_hold_for_it() -> None:
    pod = build(
        image_pull_secrets=["site"],
        tolerations=[{"key": "a", "operator": "Exists"}],
        pod_labels={"example.org/team": "hub"},
    )
    assert pod["spec"]["imagePullSecrets"] == [{"name": "site"}]
    assert pod["spec"]["tolerations"] == [{"key": "a", "operator": "Exists"}]
    assert pod["metadata"]["labels"]["example.org/team"] == "hub"


def test_it_has_the_service_account_of_the_resource() -> None:
    """On OpenShift, that decides which users a pod may run as."""
    assert build(service_account="tasks")["spec"]["serviceAccountName"] == "tasks"
    assert "serviceAccountName" not in build()["spec"]


def test_another_place_or_image_is_another_pod() -> None:
    names = {
        build()["metadata"]["name"],
        build(agent_image="python:3.14")["metadata"]["name"],
        build(ServedPlace(Place("homes"), Owner(2000, 2000)))["metadata"]["name"],
        build(ServedPlace(Place("other"), Owner(1000, 1000)))["metadata"]["name"],
    }
    assert len(names) == 4
    assert find_digest(SERVED, conf_of()) == find_digest(SERVED, conf_of())


def test_users_of_a_claim_share_a_pod_and_those_of_directories_do_not() -> None:
    keys = {"computing": "cloud", "owner": 1000, "bind_path": ""}
    storages = [
        {"id": "home", "name": "Home", "claim": "homes", "base_path": "/$USER", **keys},
        {"id": "all", "name": "All", "claim": "homes", **keys},
        {"id": "nodes", "name": "Nodes", "base_path": "/export/$USER", **keys},
    ]
    resources = [entry(conf={"agent_image": "python:3.13"})]
    result = load_catalogue([], resources, (), storages).storages
    assert serve(result["home"], "alice") == (SERVED, "/storage/alice")
    assert serve(result["home"], "bob") == (SERVED, "/storage/bob")
    assert serve(result["all"], "alice") == (SERVED, "/storage")
    nodes = ServedPlace(Place("", "/export/alice"), Owner(1000, 1000))
    assert serve(result["nodes"], "alice") == (nodes, "/storage")


async def test_a_pod_and_its_secret_are_created_once(bench: Bench) -> None:
    ready = await bench.ready()
    (pod,), (secret,) = bench.created(PODS), bench.created(SECRETS)
    assert (ready.route.pod, ready.route.uid) == (pod["metadata"]["name"], pod["metadata"]["uid"])
    assert secret["stringData"]["secret"] == ready.secret
    assert "def main" in secret["stringData"]["program"]
    assert secret["metadata"]["ownerReferences"][0]["uid"] == ready.route.uid
    assert ready.secret not in json.dumps(pod) + repr(ready)
    count = len(bench.api.asked)
    assert await bench.pods.ready(SERVED, DEADLINE) == ready
    assert len(bench.api.asked) == count


async def test_those_who_ask_at_once_get_one_pod(bench: Bench) -> None:
    first, second = await asyncio.gather(bench.ready(), bench.pods.ready(SERVED, DEADLINE))
    assert first == second
    assert len(bench.created(PODS)) == 1


async def test_a_service_that_was_restarted_finds_the_pod(bench: Bench) -> None:
    ready = await bench.ready()
    assert await bench.restarted().ready(SERVED, DEADLINE) == ready
    assert len(bench.created(PODS)) == 1


async def test_a_pod_whose_creation_was_not_answered_is_the_same(bench: Bench) -> None:
    ready = await bench.ready()
    (pod,) = bench.created(PODS)
    pod["status"] = {"phase": "Pending"}
    # As a list is that was made just before.
    lists: list[Answer] = [(200, {"items": []})]
    bench.api.refuse = lambda method, path: lists.pop() if path == PODS and lists else None
    assert await bench.ready(bench.restarted()) == ready
    assert len(bench.created(PODS)) == 1


async def test_a_secret_that_is_missing_is_created_later(bench: Bench) -> None:
    refusals = [failure(500, "InternalError", "etcd")]

    def refuse(method: str, path: str) -> Answer | None:
        return refusals.pop() if path == SECRETS and refusals else None

    bench.api.refuse = refuse
    with pytest.raises(ResourceUnavailable):
        await bench.pods.ready(SERVED, DEADLINE)
    assert (len(bench.created(PODS)), bench.created(SECRETS)) == (1, [])
    await bench.ready()
    assert len(bench.created(SECRETS)) == 1


@pytest.mark.parametrize(
    ("change", "key"), [({"phase": "Succeeded"}, "status"), ("2026-11-27T10:00:00Z", "metadata")]
)
async def test_a_pod_that_is_over_is_followed_by_another(
    bench: Bench, change: Any, key: str
) -> None:
    first = await bench.ready()
    (pod,) = bench.created(PODS)
    pod[key] = change if key == "status" else {**pod[key], "deletionTimestamp": change}
    bench.pods.forget(SERVED)
    second = await bench.ready()
    assert second.route.pod == first.route.pod.removesuffix("1") + "2"
    assert second.secret != first.secret


async def test_it_says_why_there_is_no_pod_yet(bench: Bench) -> None:
    task = asyncio.create_task(bench.pods.ready(SERVED, 2))
    await until(lambda: bench.created(SECRETS))
    (pod,) = bench.created(PODS)
    text = "0/1 nodes are available: 1 pod has unbound immediate PersistentVolumeClaims."
    pod["status"]["conditions"] = [{"type": "PodScheduled", "message": text}]
    with pytest.raises(ResourceUnavailable, match="a claim of the task has no volume yet"):
        await task


async def test_a_pod_that_fails_at_once_is_not_waited_for(bench: Bench) -> None:
    task = asyncio.create_task(bench.pods.ready(SERVED, DEADLINE))
    await until(lambda: bench.created(SECRETS))
    (pod,) = bench.created(PODS)
    pod["spec"]["nodeName"] = "node1"
    pod["status"] = {"phase": "Failed", "message": "Pod was rejected", "reason": "Evicted"}
    with pytest.raises(ResourceUnavailable, match="Pod was rejected"):
        await task


async def test_a_refusal_is_told(bench: Bench) -> None:
    text = (
        'pods "f" is forbidden: exceeded quota: few, requested: pods=1, used: pods=3,'
        " limited: pods=3"
    )
    refusal = failure(403, "Forbidden", text)
    bench.api.refuse = lambda method, path: refusal if method == "POST" else None
    with pytest.raises(ResourceUnavailable, match="3 of 3 tasks are in use"):
        await bench.pods.ready(SERVED, DEADLINE)


async def test_it_goes_where_a_task_has_the_claim(bench: Bench) -> None:
    def task_pod(claim: str, node: str, phase: str = "Running") -> Document:
        volume = {"name": "storage-0", "persistentVolumeClaim": {"claimName": claim}}
        return {"spec": {"nodeName": node, "volumes": [volume]}, "status": {"phase": phase}}

    bench.task_pods = {
        "a": task_pod("homes", "node2"),
        "b": task_pod("other", "node3"),
        "c": task_pod("homes", "node4", "Succeeded"),
    }
    await bench.ready()
    (pod,) = bench.created(PODS)
    (term,) = pod["spec"]["affinity"]["nodeAffinity"][
        "preferredDuringSchedulingIgnoredDuringExecution"
    ]
    (expression,) = term["preference"]["matchExpressions"]
    assert expression["values"] == ["node2"]


async def test_what_is_over_or_never_starts_is_removed(bench: Bench) -> None:
    await bench.ready()
    (pod,) = bench.created(PODS)
    assert await bench.pods.sweep()
    assert bench.created(PODS) == [pod]
    pod["status"] = {"phase": "Succeeded"}
    assert not await bench.pods.sweep()
    assert bench.created(PODS) == []


@pytest.mark.parametrize(("minutes", "remaining"), [(1, 1), (60, 0)])
async def test_a_pod_that_does_not_start_has_its_time(
    bench: Bench, minutes: int, remaining: int
) -> None:
    await bench.ready()
    (pod,) = bench.created(PODS)
    pod["status"] = {"phase": "Pending"}
    created = utc_now() - timedelta(minutes=minutes)
    pod["metadata"]["creationTimestamp"] = created.strftime("%Y-%m-%dT%H:%M:%SZ")
    await bench.pods.sweep()
    assert len(bench.created(PODS)) == remaining


async def test_nothing_is_asked_while_there_are_no_pods(bench: Bench) -> None:
    task = asyncio.create_task(bench.pods.run())
    # Once at the start: another service may have left some.
    await until(lambda: bench.api.asked)
    assert bench.api.asked == [("GET", PODS)]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_others_have_left_is_found_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as `rosetta-hub check`, whose pod ends by itself when nobody of it is there any more."""
    for interval in ("REST_INTERVAL", "SWEEP_INTERVAL"):
        monkeypatch.setattr(file_pods, interval, 0.01)
    running = asyncio.create_task(bench.pods.run())
    try:
        await until(lambda: bench.api.asked)
        await bench.ready(bench.restarted())
        (pod,) = bench.created(PODS)
        pod["status"] = {"phase": "Succeeded"}
        await until(lambda: not bench.created(PODS))
    finally:
        running.cancel()


async def test_the_end_of_the_service_removes_them(bench: Bench) -> None:
    await bench.ready()
    await remove_file_pods({"cloud": bench.pods})
    assert bench.created(PODS) == []


async def test_a_server_that_does_not_answer_keeps_no_service_from_its_end(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.ready()
    bench.api.refuse = lambda method, path: failure(500, "", "etcdserver: timed out")
    await remove_file_pods({"cloud": bench.pods})
    assert "cloud: its pods of files are not removed: " in caplog.text
