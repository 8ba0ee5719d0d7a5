"""Each expression of the dashboard, on the numbers of a real service."""

import importlib.util
import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.support.eventually import until

from .conftest import Service

pytestmark = pytest.mark.asyncio(loop_scope="session")

FOLDER = Path(__file__).parents[2] / "docs/monitoring"
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())


def expressions() -> list[str]:
    """All of them, with Grafana's variables filled in."""
    exprs = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]
    return [item.replace("$computing", ".*").replace("$__rate_interval", "1m") for item in exprs]


async def test_the_dashboard_is_that_of_its_table() -> None:
    spec = importlib.util.spec_from_file_location("table", FOLDER / "build_dashboard.py")
    assert spec is not None
    assert spec.loader is not None
    table: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(table)
    assert table.build_dashboard() == DASHBOARD, "run docs/monitoring/build_dashboard.py"
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


async def test_each_expression_gives_numbers(service: Service) -> None:
    # Counters are seen as 0 before something happens.
    await until(lambda: service.has_series("rosetta_task_starts_total"))
    await service.break_cluster(is_open=True)
    task = service.run("a task that is opened")
    await service.parts.edge.open(task)
    service.parts.tasks.fail(service.run("a task that fails"), "no_answer")
    missing = set(expressions())

    async def all_give_numbers() -> bool:
        for expression in sorted(missing):
            series = await service.prometheus.query(expression)
            if any(math.isfinite(float(sample["value"][1])) for sample in series):
                missing.remove(expression)
        return not missing

    try:
        await until(all_give_numbers)
    except TimeoutError:
        assert missing == set()
