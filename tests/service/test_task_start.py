"""Options checked before a task is made: what the cluster has counts, as far as it answers."""

import asyncio

import pytest

from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.catalogue.options import TaskSpec
from rosetta_hub.database.models import utc_now
from rosetta_hub.errors import InvalidOptions
from rosetta_hub.resources.inventory import Inventory, Partition
from rosetta_hub.resources.inventory_collector import InventoryCollector
from rosetta_hub.software.policy import ImagePolicy
from rosetta_hub.web import task_start
from rosetta_hub.web.task_start import check_options
from tests.support.catalogues import CLUSTER

SOFTWARE = [{"name": "Echo", "image_name": "rosetta/echo"}]
CATALOGUE = load_catalogue(SOFTWARE, [CLUSTER])
OPTIONS = {"software": "echo", "computing": "cluster", "partition": "gone"}


class SlowQueue:
    """A cluster that tells what it has once it is allowed to."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()

    async def inventory(self, _user: str) -> Inventory:
        await self.answers.wait()
        partition = Partition(name="main", default=True, state="up")
        return Inventory(partitions=(partition,), collected=utc_now())


class AllowAll(ImagePolicy):
    """No image policy."""

    def __init__(self) -> None:
        """Nothing is asked."""

    async def admit(self, spec: TaskSpec, user: User) -> TaskSpec:
        return spec


ALLOW = AllowAll()


async def test_a_cluster_that_does_not_answer_delays_no_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(task_start, "INVENTORY_TIMEOUT", 0.01)
    queue = SlowQueue()
    collector = InventoryCollector({"cluster": queue})  # type: ignore[dict-item]
    spec = await check_options(OPTIONS, CATALOGUE, User("alice"), collector, ALLOW)
    assert spec.request.partition == "gone"

    # The look goes on, and the next start is checked against what it finds.
    queue.answers.set()
    await collector.get("cluster", "alice")
    with pytest.raises(InvalidOptions, match="gone"):
        await check_options(OPTIONS, CATALOGUE, User("alice"), collector, ALLOW)
