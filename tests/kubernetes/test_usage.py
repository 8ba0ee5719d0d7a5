"""What tasks use, from the metrics API to the task's page, and the end of those that are idle."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.browser import chromium, keep_picture, log_in
from tests.e2e.deployment import Deployment, User, eventually
from tests.support.browsing import visit

from .cluster import NAMESPACE, KubernetesCluster
from .conftest import WEB, computing_of
from .metrics_api import metrics_api
from .test_life import start

# The service asks for metrics once a minute.
pytestmark = [pytest.mark.timeout(600), pytest.mark.asyncio(loop_scope="session")]
MEMORY = 64 << 20
SOFTWARE = [{"id": name, "name": name, **WEB} for name in ("quiet", "busy")]
IDLE = [{"idle_timeout": "150s", "notice": "60s"}]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def usage_hub(
    cluster: KubernetesCluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Deployment]:
    """A hub whose idle tasks end, and a cluster with metrics."""
    folder = tmp_path_factory.mktemp("usage")
    (cloud,) = computing_of(cluster)
    extra = f"c.Rosetta.lifetimes = {IDLE!r}"
    deployment = Deployment(folder / "hub", SOFTWARE, [{**cloud, "default_cpus": 0.3}], extra=extra)
    async with metrics_api(cluster, folder, NAMESPACE):
        try:
            await deployment.start()
            yield deployment
        finally:
            await deployment.stop()
    await asyncio.to_thread(shutil.rmtree, folder)


async def is_measured(user: User, task_id: str, cpu_seconds: float) -> dict[str, Any] | None:
    """The task once it has used so many seconds of CPUs."""
    task = await user.task(task_id)
    usage = (task or {}).get("usage") or {}
    return task if (usage.get("cpu_seconds") or 0) > cpu_seconds else None


async def test_usage_is_shown_and_a_task_that_is_idle_ends(usage_hub: Deployment) -> None:
    user = await usage_hub.user("alice")
    quiet, busy = [await start(user, name) for name in ("quiet", "busy")]
    opened = await user.enter(busy)
    assert (await opened.get("/compute")).code == 200
    # A third of a core for a minute, and nearly nothing.
    result = await eventually(lambda: is_measured(user, busy["id"], 10), "the busy task is", 150)
    assert 0 < result["usage"]["memory"] <= MEMORY
    async with chromium() as browser:
        context = await browser.new_context(viewport={"width": 1280, "height": 800})
        page = await log_in(context, usage_hub, "alice")
        await visit(page, f"{usage_hub.url}{busy['page_url']}?stay")
        await page.locator("#usage-panel").get_by_text("CPU").first.wait_for(timeout=150_000)
        await keep_picture(page, "kubernetes-usage")
    ended = await user.until(quiet["id"], "stopped", "failed", seconds=300)
    assert ended["state"] == "stopped"
    assert "nobody used the task for 2 min 30 s" in ended["message"]
    task = await user.task(busy["id"])
    assert task is not None
    assert task["state"] == "running", task["message"]
    await user.clean()
