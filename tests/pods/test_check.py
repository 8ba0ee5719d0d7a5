"""`rosetta-hub check` of a cluster."""

from typing import Any

import pytest

from rosetta_hub.catalogue.conf_kubernetes import KubernetesConf
from rosetta_hub.check import kubernetes_pods
from rosetta_hub.check.context import Result
from rosetta_hub.check.kubernetes import KubernetesContext
from rosetta_hub.check.kubernetes_pods import (
    CONNECTED,
    READY,
    REFUSED,
    run_kubernetes_checks,
)

from .bench import PODS
from .fake_api import Answer, FakeApi, failure
from .objects import computing, ended, running, waiting

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
QUOTAS = "/api/v1/namespaces/rosetta/resourcequotas"
CLAIMS = "/api/v1/namespaces/rosetta/persistentvolumeclaims/"
IMAGE = "registry.example.org/python:3"
TIME = "2026-11-27T10:00:01.000000001Z"
Document = dict[str, Any]


class Cluster:
    """What a server answers to the checks; pods run, and end, as soon as they are created."""

    def __init__(self, api: FakeApi) -> None:
        self.api = api
        self.create = api.answer
        self.denied: set[str] = set()
        self.quotas: list[Document] = []
        self.claims: dict[str, Document] = {}
        self.refusal = ""
        self.constraints = ""
        self.classes = {"kata-qemu"}
        self.status = running()
        api.answer = self.answer  # type: ignore[method-assign]
        api.log = [(TIME, f"{READY}\n"), (TIME, f"{REFUSED}: timed out\n")]

    def answer(self, method: str, path: str, body: Document) -> Answer:
        if path == "/version":
            return 200, {"gitVersion": "v1.20.2"}
        if path == REVIEWS:
            resource = body["spec"]["resourceAttributes"]["resource"]
            return 201, {"status": {"allowed": resource not in self.denied}}
        if path == QUOTAS:
            return 200, {"items": self.quotas}
        if path.startswith(CLAIMS):
            claim = self.claims.get(path.removeprefix(CLAIMS))
            return (200, claim) if claim else failure(404, "NotFound", "not found")
        if method == "POST":
            return self._take(path, body)
        return self.create(method, path, body)

    def _take(self, path: str, body: Document) -> Answer:
        runtime = body["spec"].get("runtimeClassName")
        if self.constraints:
            body["metadata"]["annotations"] = {"openshift.io/scc": self.constraints}
            body["spec"]["containers"][0]["securityContext"]["runAsUser"] = 1000680000
        if self.refusal:
            return failure(403, "Forbidden", self.refusal)
        if runtime and runtime not in self.classes:
            return failure(403, "Forbidden", f'RuntimeClass "{runtime}" not found')
        if self.api.queries[-1] == {"dryRun": "All"}:
            return 201, body
        code, pod = self.create("POST", path, body)
        pod["spec"]["nodeName"] = "node1"
        is_peer = "-peer-" in pod["metadata"]["name"]
        status = ended("Succeeded", exitCode=0) if is_peer else self.status
        pod["status"] = {**status, "podIP": "10.0.0.7"}
        return code, pod


@pytest.fixture
def cluster(api: FakeApi) -> Cluster:
    """A cluster where everything is in order."""
    return Cluster(api)


async def check(cluster: Cluster, claims: tuple[str, ...] = (), **conf: Any) -> dict[str, Result]:
    """What came of each check, by name."""
    engines = ["internal[runc,kata]"]
    settings = {"agent_image": IMAGE, "tunnel": "reverse", **conf}
    cloud = computing(default_cpus=1, container_engines=engines, conf=settings)
    assert isinstance(cloud.conf, KubernetesConf)
    context = KubernetesContext(
        cloud, cloud.conf, cluster.api.client(), claims=claims, queue_timeout=2
    )
    results: list[Result] = []
    await run_kubernetes_checks(context, results.append)
    return {item.name: item for item in results}


async def test_a_cluster_that_is_ready(cluster: Cluster) -> None:
    results = await check(cluster, runtime_classes={"kata": "kata-qemu"})
    skipped = {name for name, item in results.items() if item.status == "skipped"}
    # No storage is a claim, and with a tunnel that pods dial nothing connects to them.
    assert skipped == {"claims", "connection"}
    assert [name for name, item in results.items() if item.status == "failed"] == []
    assert "v1.20.2" in results["api server"].text
    # The server takes what is tried, and nothing of it is left.
    assert {"dryRun": "All"} in cluster.api.queries
    assert cluster.api.objects == {}
    assert results["cleanup"].text == "2 removed"


async def test_missing_rights_are_named(cluster: Cluster) -> None:
    cluster.denied = {"pods"}
    results = await check(cluster)
    rights = results["rights"]
    assert rights.status == "failed"
    assert "create pods/portforward" in rights.text
    assert "rosetta-hub kubernetes manifests cloud" in rights.advice
    assert {results[name].status for name in ("quota", "dry run", "pod", "log")} == {"skipped"}
    assert ("POST", PODS) not in cluster.api.asked


async def test_a_right_that_tasks_do_not_need_may_be_missing(cluster: Cluster) -> None:
    cluster.denied = {"resourcequotas"}
    rights = (await check(cluster))["rights"]
    assert rights.status == "ok"
    assert "it may not: list resourcequotas" in rights.text


async def test_a_pod_that_would_be_refused_says_why(cluster: Cluster) -> None:
    cluster.refusal = 'violates PodSecurity "restricted:latest"'
    results = await check(cluster)
    result = results["dry run"]
    assert (result.status, result.text) == ("failed", cluster.refusal)
    assert results["pod"].status == "skipped"


@pytest.mark.parametrize(
    ("is_set", "ending"), [(False, "set 'random_user' in 'conf'"), (True, "0")]
)
async def test_openshift_says_as_whom_pods_run(cluster: Cluster, is_set: bool, ending: str) -> None:
    """What OpenShift 4 adds to a pod under its constraints `restricted-v2`."""
    cluster.constraints = "restricted-v2"
    result = (await check(cluster, random_user=is_set))["dry run"]
    assert "under the constraints restricted-v2, as user 1000680000" in result.text
    assert result.text.endswith(ending)


async def test_a_server_that_does_not_answer(cluster: Cluster) -> None:
    await cluster.api.close()
    results = await check(cluster)
    assert results.pop("api server").status == "failed"
    assert {item.status for item in results.values()} == {"skipped"}


@pytest.mark.parametrize(
    ("used", "status", "text"),
    [
        ({"limits.cpu": "1500m", "pods": "3"}, "ok", "limits.cpu 1500m of 2; pods 3 of 20"),
        ({"limits.cpu": "2000m", "pods": "3"}, "failed", "used up: limits.cpu"),
    ],
)
async def test_what_a_quota_leaves(
    cluster: Cluster, used: Document, status: str, text: str
) -> None:
    cluster.quotas = [{"status": {"hard": {"limits.cpu": "2", "pods": "20"}, "used": used}}]
    quota = (await check(cluster))["quota"]
    assert quota.status == status
    assert text in quota.text


async def test_a_runtime_class_that_is_missing(cluster: Cluster) -> None:
    cluster.classes = set()
    results = await check(cluster, runtime_classes={"kata": "kata-qemu"})
    assert results["runtimes"].status == "failed"
    assert '"kata-qemu" not found' in results["runtimes"].text


CLAIM = {
    "spec": {"storageClassName": "fast", "accessModes": ["ReadWriteOnce"]},
    "status": {"phase": "Bound"},
}


async def test_the_claims_of_storages(cluster: Cluster) -> None:
    cluster.claims = {"home-alice": CLAIM}
    claims = (await check(cluster, claims=("home-alice",)))["claims"]
    assert (claims.status, claims.text) == ("ok", "home-alice: Bound, fast, ReadWriteOnce")
    claims = (await check(cluster, claims=("home-bob",)))["claims"]
    assert claims.status == "failed"
    assert "home-bob" in claims.text


async def test_a_pod_whose_image_does_not_arrive(cluster: Cluster) -> None:
    cluster.status = waiting("ErrImageNeverPull", "Container image is not present")
    results = await check(cluster)
    assert results["pod"].status == "failed"
    assert "not present" in results["pod"].text
    assert {results[name].status for name in ("log", "neighbours")} == {"skipped"}
    # What could not start is removed, too.
    assert cluster.api.objects == {}


async def test_a_pod_that_does_not_start_in_time(cluster: Cluster) -> None:
    cluster.status = waiting("ContainerCreating")
    pod = (await check(cluster))["pod"]
    assert pod.status == "failed"
    assert "did not run within 2 s" in pod.text


@pytest.mark.parametrize(
    ("value", "is_set", "status", "text"),
    [
        (REFUSED, False, "ok", "Set 'network_policies'"),
        (REFUSED, True, "ok", "a NetworkPolicy keeps tasks apart"),
        (CONNECTED, False, "ok", "users are told so"),
        (CONNECTED, True, "failed", "although 'network_policies' is set"),
        ("Traceback", True, "failed", "Traceback"),
    ],
)
async def test_whether_policies_are_enforced(
    cluster: Cluster, value: str, is_set: bool, status: str, text: str
) -> None:
    cluster.api.log = [(TIME, f"{READY}\n"), (TIME, f"{value}\n")]
    neighbours = (await check(cluster, network_policies=is_set))["neighbours"]
    assert neighbours.status == status
    assert text in neighbours.text


async def test_without_an_image_of_ours_nothing_is_said_of_connections(cluster: Cluster) -> None:
    results = await check(cluster, agent_image=None, tunnel="portforward")
    assert "no 'agent_image'" in results["connection"].text
    assert "there is no software" in results["pod"].text


async def test_a_pod_that_stays_is_named(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes_pods, "REMOVAL_TIMEOUT", 0.0)
    answer = cluster.answer

    def keep(method: str, path: str, body: Document) -> Answer:
        return (200, {}) if method == "DELETE" else answer(method, path, body)

    cluster.api.answer = keep  # type: ignore[method-assign]
    cleanup = (await check(cluster))["cleanup"]
    assert cleanup.status == "failed"
    assert "still there: rosetta-check-" in cleanup.text
