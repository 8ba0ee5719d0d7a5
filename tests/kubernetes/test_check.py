"""What an administrator does before a hub uses the cluster: `kubernetes manifests`, and `check`."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .administrator import PLURALS, PYTHON, Administrator
from .cluster import KubernetesCluster

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def administrator(cluster: KubernetesCluster, tmp_path: Path) -> AsyncIterator[Administrator]:
    """A namespace with what `rosetta-hub kubernetes manifests` prints for it, and its account."""
    await asyncio.to_thread(cluster.run, "image", PYTHON)
    result = Administrator(cluster, tmp_path)
    await result.apply(await result.run("kubernetes", "manifests", "cloud", "--tasks", "5"))
    try:
        await result.log_in()
        yield result
    finally:
        await result.remove()


async def test_what_is_printed_for_a_cluster_is_all_that_the_hub_needs(
    administrator: Administrator,
) -> None:
    results = await administrator.check()
    assert [name for name, item in results.items() if item["status"] == "failed"] == [], results
    assert "it may not" not in results["rights"]["text"]
    assert "pods 0 of 5" in results["quota"]["text"]
    assert "second" in results["runtimes"]["text"]
    assert "MB/s" in results["connection"]["text"]
    # The network of this cluster enforces no policies.
    assert "a second pod could connect" in results["neighbours"]["text"]
    assert results["cleanup"]["text"] == "2 removed"


async def test_a_right_that_is_taken_away_is_named(administrator: Administrator) -> None:
    path = PLURALS["Role"].format(f"namespaces/{administrator.namespace}") + "/rosetta-hub"
    role = await administrator.cluster.admin.call("GET", path)
    role["rules"] = [rule for rule in role["rules"] if rule["resources"] != ["pods/log"]]
    await administrator.cluster.admin.call("PUT", path, role)
    results = await administrator.check()
    assert results["rights"]["status"] == "failed"
    assert "get pods/log" in results["rights"]["text"]
    assert results["pod"]["status"] == "skipped"
