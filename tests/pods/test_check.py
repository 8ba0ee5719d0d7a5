"""`rosetta-hub check` of a cluster."""

from typing import Any

from rosetta_hub.catalogue.conf_kubernetes import KubernetesConf
from rosetta_hub.check.context import Result
from rosetta_hub.check.kubernetes import KUBERNETES_CHECKS, KubernetesContext
from rosetta_hub.check.run import run_check

from .fake_api import Answer, FakeApi, failure
from .objects import computing

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
Document = dict[str, Any]


async def check(api: FakeApi) -> list[Result]:
    cloud = computing(default_cpus=1)
    assert isinstance(cloud.conf, KubernetesConf)
    context = KubernetesContext(cloud, cloud.conf, api.client())
    results: list[Result] = []
    for one in KUBERNETES_CHECKS:
        results.append(await run_check(one, context, results))
    return results


def answers(allowed: bool = True, pod: Answer = (201, {})) -> Any:
    def answer(method: str, path: str) -> Answer | None:
        if path == "/version":
            return 200, {"gitVersion": "v1.20.2"}
        return (201, {"status": {"allowed": allowed}}) if path == REVIEWS else pod

    return answer


async def test_a_cluster_that_is_ready(api: FakeApi) -> None:
    api.refuse = answers()
    results = await check(api)
    assert [one.status for one in results] == ["ok", "ok", "ok"]
    assert "v1.20.2" in results[0].text
    # Nothing is created: the pod is a dry run.
    assert api.queries[-1] == {"dryRun": "All"}


async def test_missing_rights_are_named(api: FakeApi) -> None:
    api.refuse = answers(allowed=False)
    server, rights, pod = await check(api)
    assert (server.status, rights.status, pod.status) == ("ok", "failed", "skipped")
    assert "create pods/portforward" in rights.text
    assert "rosetta-hub kubernetes manifests cloud" in rights.advice


async def test_a_right_that_tasks_do_not_need_may_be_missing(api: FakeApi) -> None:
    def answer(method: str, path: str, body: Document) -> Answer:
        attributes = body.get("spec", {}).get("resourceAttributes", {})
        return 201, {"status": {"allowed": attributes.get("resource") != "resourcequotas"}}

    api.answer = answer  # type: ignore[method-assign]
    rights = (await check(api))[1]
    assert rights.status == "ok"
    assert "it may not: list resourcequotas" in rights.text


async def test_a_pod_that_would_be_refused_says_why(api: FakeApi) -> None:
    text = 'violates PodSecurity "restricted:latest"'
    api.refuse = answers(pod=failure(403, "Forbidden", text))
    results = await check(api)
    assert (results[2].status, results[2].text) == ("failed", text)


async def test_a_server_that_does_not_answer(api: FakeApi) -> None:
    await api.close()
    results = await check(api)
    assert [one.status for one in results] == ["failed", "skipped", "skipped"]
