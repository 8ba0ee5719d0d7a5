"""Two hubs in one namespace: neither sees, counts, stops or reports what is the other's."""

import asyncio
import functools
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.deployment import Deployment, User, eventually

from .cluster import NAMESPACE, PODS, KubernetesCluster
from .conftest import SOFTWARE, computing_of, until_empty
from .test_life import all_run, answers, start

pytestmark = pytest.mark.timeout(300)

DEPLOYMENT = "rosetta-hub/deployment"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hubs(
    cluster: KubernetesCluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[list[Deployment]]:
    """Two hubs with the same configuration: resource, namespace, account and software."""
    extra = 'c.Authenticator.admin_users = {"admin"}'
    values = [
        Deployment(tmp_path_factory.mktemp(name), SOFTWARE, computing_of(cluster), extra=extra)
        for name in ("first", "second")
    ]
    try:
        for deployment in values:
            await deployment.start()
        yield values
    finally:
        for deployment in values:
            await deployment.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def users(hubs: list[Deployment], cluster: KubernetesCluster) -> AsyncIterator[list[User]]:
    """A user of the same name at both."""
    values = [await deployment.user("alice") for deployment in hubs]
    yield values
    for user in values:
        await user.clean()
    await until_empty(cluster)


async def pods_by_hub(cluster: KubernetesCluster) -> Counter[str]:
    """How many pods each hub has."""
    pods = await cluster.pods()
    return Counter(pod["metadata"]["labels"][DEPLOYMENT] for pod in pods)


async def names_of_pods(cluster: KubernetesCluster) -> list[str]:
    """Those of both hubs."""
    return [pod["metadata"]["name"] for pod in await cluster.pods()]


async def pod_of(cluster: KubernetesCluster, task: dict[str, Any]) -> str:
    """The name of the task's pod."""
    end = f"-{task['id']}-{task['attempt']}"
    (name,) = [name for name in await names_of_pods(cluster) if name.endswith(end)]
    return name


async def running(deployment: Deployment) -> int:
    """How many tasks an administrator of the hub sees running on the cluster."""
    admin = await deployment.user("admin")
    listed = json.loads((await admin.api("GET", "admin/computing")).body)
    (cloud,) = listed["computing"]
    number: int = cloud["states"].get("running", 0)
    return number


async def listed(user: User) -> list[str]:
    """The ids of the tasks that the user sees."""
    answer = await user.api("GET", "tasks")
    return [task["id"] for task in json.loads(answer.body)["tasks"]]


@pytest.mark.any_cluster
async def test_each_sees_counts_and_stops_its_own(
    hubs: list[Deployment], users: list[User], cluster: KubernetesCluster
) -> None:
    # The same name for the server of each, too.
    tasks = [await start(user, server="same") for user in users]
    for user, task in zip(users, tasks, strict=True):
        assert task["state"] == "running", task["message"]
        assert await listed(user) == [task["id"]]
    assert sorted((await pods_by_hub(cluster)).values()) == [1, 1]
    assert [await running(deployment) for deployment in hubs] == [1, 1]
    # One that was killed looks for what is its own, and for orphans.
    hubs[0].kill_service()
    await hubs[0].answers()
    for user, task in zip(users, tasks, strict=True):
        await all_run(user, task["id"])
    first, second = [await pod_of(cluster, task) for task in tasks]
    await users[0].api("POST", f"tasks/{tasks[0]['id']}/stop")
    await users[0].until(tasks[0]["id"], "stopped", seconds=60)
    await eventually(functools.partial(is_gone, cluster, first), "its pod is gone", 60)
    await answers(users[1], tasks[1])
    assert [await running(deployment) for deployment in hubs] == [0, 1]
    assert await names_of_pods(cluster) == [second]


@pytest.mark.any_cluster
async def test_shutdown_of_one_leaves_the_other_alone(
    hubs: list[Deployment], users: list[User], cluster: KubernetesCluster
) -> None:
    tasks = [await start(user) for user in users]
    first, second = [await pod_of(cluster, task) for task in tasks]
    await hubs[0].stop()
    await eventually(functools.partial(is_gone, cluster, first), "the first one's pod is gone", 60)
    assert await names_of_pods(cluster) == [second]
    await answers(users[1], tasks[1])
    # What comes back finds nothing of its own, and leaves the other's alone as well.
    await hubs[0].start()
    stopped = await users[0].task(tasks[0]["id"])
    assert stopped is not None
    assert stopped["state"] == "stopped"
    await answers(users[1], tasks[1])
    assert await names_of_pods(cluster) == [second]


@pytest.mark.any_cluster
async def test_a_pod_of_somebody_else_that_has_the_name_of_a_task(
    users: list[User], cluster: KubernetesCluster
) -> None:
    """It is neither taken for the task's, nor waited for, nor removed."""
    user = users[0]
    task = await start(user, server="again")
    (pod,) = await cluster.pods()
    await user.api("POST", f"tasks/{task['id']}/stop")
    await user.until(task["id"], "stopped", seconds=60)
    own = pod["metadata"]["name"]
    await eventually(functools.partial(is_gone, cluster, own), "the task's own pod is gone", 60)
    name = own.removesuffix("1") + "2"
    (container,) = pod["spec"]["containers"]
    resources = container["resources"]
    spec = {"containers": [{"name": "other", "image": container["image"], "resources": resources}]}
    foreign: dict[str, Any] = {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}
    async with cluster.having(PODS, foreign):
        second = await start(user, server="again")
        assert second["id"] == task["id"]
        assert second["state"] == "failed"
        assert f"has a pod {name} that is not of this hub" in second["message"]
        assert await names_of_pods(cluster) == [name]
    result = functools.partial(is_gone, cluster, name)
    await eventually(result, "the pod is gone", 60)
    third = await start(user, server="again")
    assert third["state"] == "running", third["message"]
    await asyncio.wait_for(answers(user, third), 60)


async def is_gone(cluster: KubernetesCluster, name: str) -> bool:
    return name not in await names_of_pods(cluster)
