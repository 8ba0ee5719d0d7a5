"""One cluster and one hub for all tests of this folder."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.deployment import Deployment, User, eventually

from .cluster import GIVEN_IMAGE, NAMESPACE, KubernetesCluster, started_cluster


def describe_image(reference: str) -> dict[str, str]:
    """The keys of a software's entry that name an image, from HOST/NAME:TAG."""
    registry, _, rest = reference.partition("/")
    name, _, tag = rest.rpartition(":")
    return {"registry": registry, "image_name": name, "image_tag": tag}


WEB = describe_image(os.environ.get(GIVEN_IMAGE, "localhost/rosetta-test/web:1"))
SOFTWARE: list[dict[str, Any]] = [
    {"id": "web", "name": "Web", "environment": {"GREETING": "hello"}, **WEB},
    {"id": "failing", "name": "Failing", "command": ["fail"], **WEB},
    {"id": "missing", "name": "Missing", **WEB, "registry": "127.0.0.1:9", "answer_timeout": 20},
    {"id": "silent", "name": "Silent", **WEB, "interface_port": 9999, "answer_timeout": 2},
]


def computing_of(cluster: KubernetesCluster) -> list[dict[str, Any]]:
    """The cluster as the documentation says."""
    return [
        {
            "id": "cloud",
            "name": "The cloud",
            "type": "cluster",
            "access_mode": "api",
            "wms": "kubernetes",
            "container_engines": ["internal[runc,second,gvisor]"],
            "default_cpus": 0.1,
            "default_memory": "64M",
            "max_time": "1h",
            "conf": {
                "kubeconfig": str(cluster.kubeconfig),
                "namespace": NAMESPACE,
                "runtime_classes": {"second": "second", "gvisor": "gvisor"},
                "pools": {
                    "nowhere": {"example.org/pool": "nowhere"},
                    "node1": {"kubernetes.io/hostname": "node1"},
                    "node2": {"kubernetes.io/hostname": "node2"},
                },
            },
        }
    ]


def small_of(cluster: KubernetesCluster) -> dict[str, Any]:
    """The same cluster, with little room on the disks of its nodes."""
    (cloud,) = computing_of(cluster)
    return {**cloud, "id": "small", "name": "A small one", "disk_limit": "30M"}


async def until_empty(cluster: KubernetesCluster) -> None:
    """Wait for pods whose tasks are gone: they end for some seconds, and others count them."""

    async def is_empty() -> bool:
        return not await cluster.pods()

    await eventually(is_empty, "all pods are gone", 90)


@pytest.fixture(scope="session")
def cluster() -> Iterator[KubernetesCluster]:
    """A cluster of two nodes, removed at the end of the run."""
    with started_cluster() as cluster:
        yield cluster


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def hub(
    cluster: KubernetesCluster,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Deployment]:
    """A running hub; what a test starts in it, it stops."""
    directory = tmp_path_factory.mktemp("hub")
    deployment = Deployment(
        directory, SOFTWARE, [*computing_of(cluster), small_of(cluster)], ports=100
    )
    try:
        await deployment.start()
        yield deployment
    finally:
        await deployment.stop()
    await asyncio.to_thread(shutil.rmtree, directory)


@pytest.fixture
async def alice(hub: Deployment, cluster: KubernetesCluster) -> AsyncIterator[User]:
    """A user; after the test nothing of hers is on the cluster."""
    user = await hub.user("alice")
    yield user
    await user.clean()
    await until_empty(cluster)
