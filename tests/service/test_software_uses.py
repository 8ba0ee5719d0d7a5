"""How often software was started, and favourites, on both databases."""

from datetime import datetime

import pytest

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.database.models import utc_now
from rosetta_hub.errors import Conflict
from rosetta_hub.tasks.software_uses import SoftwareUses
from tests.support.starting import start_task

from .conftest import ALICE, Bench

FAMILIES = [{"id": "casa"}, {"id": "echo"}, {"id": "other"}]
NEVER = {"uses": 0, "last_used": None, "favourite": False}


def test_each_attempt_of_a_user_counts(bench: Bench) -> None:
    before = utc_now().replace(microsecond=0)
    for server in ("one", "two"):
        task = start_task(bench.tasks, server, {"software": "echo"}, ALICE)
        bench.tasks.stopped(task)
    start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    start_task(bench.tasks, "one", {"software": "echo"}, User("bob"))
    uses = SoftwareUses(bench.tasks.database)
    casa, echo, _ = uses.describe(FAMILIES, "alice")
    assert (echo["uses"], echo["favourite"]) == (3, False)
    assert before <= datetime.fromisoformat(echo["last_used"]) <= utc_now()
    assert casa == {"id": "casa", **NEVER}
    assert uses.describe(FAMILIES, "bob")[1]["uses"] == 1


def test_counts_outlive_the_tasks(bench: Bench) -> None:
    task = bench.tasks.stopped(start_task(bench.tasks, "one", {"software": "echo"}, ALICE))
    bench.tasks.delete(task)
    assert SoftwareUses(bench.tasks.database).describe(FAMILIES, "alice")[1]["uses"] == 1


def test_a_start_that_is_refused_does_not_count(bench: Bench) -> None:
    start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    with pytest.raises(Conflict):
        start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    assert SoftwareUses(bench.tasks.database).describe(FAMILIES, "alice")[1]["uses"] == 1


def test_favourites_come_first_and_stay_with_what_is_counted(bench: Bench) -> None:
    uses = SoftwareUses(bench.tasks.database)
    uses.set_favourite("alice", "other", True)
    uses.set_favourite("alice", "echo", True)
    start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    described = uses.describe(FAMILIES, "alice")
    assert [family["id"] for family in described] == ["echo", "other", "casa"]
    assert (described[0]["uses"], described[0]["favourite"]) == (1, True)
    uses.set_favourite("alice", "echo", False)
    described = uses.describe(FAMILIES, "alice")
    assert [family["id"] for family in described] == ["other", "casa", "echo"]
    assert described[2]["uses"] == 1
    assert [family["id"] for family in uses.describe(FAMILIES, "bob")] == ["casa", "echo", "other"]
