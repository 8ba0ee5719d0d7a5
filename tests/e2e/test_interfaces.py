"""A notebook with Dask's dashboard beside it, in a browser."""

import os
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.support.browsing import visit

from .browser import chromium, keep_picture, log_in, run_a_cell
from .conftest import COMPUTING
from .deployment import Deployment, User, eventually

# Images may have to be built first, which takes minutes.
pytestmark = pytest.mark.timeout(func_only=True)

HERE = Path(__file__).parent
IMAGE, TAG = "rosetta-test/dask", "1"
SOFTWARE: list[dict[str, Any]] = [
    {
        "id": "dask",
        "name": "Notebook with Dask",
        "image_name": IMAGE,
        "image_tag": TAG,
        "pull": "never",
        "interface_auth": "jupyter",
        "interfaces": [{"name": "Dashboard", "port": 8787, "path": "/individual-progress"}],
    }
]
START = (
    "from dask.distributed import Client;"
    " client = Client(processes=False, dashboard_address='127.0.0.1:8787'); print('started', 6 * 7)"
)
# Kept: what nobody holds is forgotten at once.
WORK = "future = client.submit(divmod, 100, 7); print('worked', future.result())"
# What the dashboard has drawn: the names in its data, as they are in the browser.
DRAWN = """(name) => {
  const read = (data) => [...((data instanceof Map ? data.get("name") : data?.name) ?? [])];
  const models = (document) => [...document._all_models.values()];
  const sources = (window.Bokeh?.documents ?? []).flatMap(models)
    .filter((model) => model.type === "ColumnDataSource");
  return sources.some((source) => String(read(source.data)).includes(name));
}"""
PROXY_SETTINGS = ("http_proxy", "https_proxy", "no_proxy", "PIP_INDEX_URL", "PIP_TRUSTED_HOST")


@pytest.fixture(scope="module")
def dask_image(base_containers: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The notebook's image with Dask; built when its files or the notebook's image have changed."""
    context = tmp_path_factory.mktemp("dask") / "image"
    shutil.copytree(HERE / "dask", context)
    authorities = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    (context / "ca-certificates.crt").touch()
    if authorities and Path(authorities).exists():
        shutil.copyfile(authorities, context / "ca-certificates.crt")
    settings = [item for item in PROXY_SETTINGS if os.environ.get(item)]
    arguments = [word for name in settings for word in ("--build-arg", name)]
    parent = f"PARENT={base_containers['jupyternotebook']}"
    tag = f"{IMAGE}:{TAG}"
    command = ["docker", "build", "--quiet", "--network", "host", "--build-arg", parent]
    subprocess.run([*command, *arguments, "--tag", tag, context], check=True, capture_output=True)
    return tag


@pytest.fixture
async def deployment(dask_image: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """A hub whose catalogue has the notebook with Dask."""
    result = Deployment(tmp_path / "hub", SOFTWARE, COMPUTING)
    try:
        await result.start()
        yield result
    finally:
        await result.stop()


@pytest.fixture
async def alice(deployment: Deployment) -> AsyncIterator[User]:
    """A user, whose tasks are gone after the test."""
    user = await deployment.user("alice")
    yield user
    await user.clean()


async def wait_ready(user: User, task_id: str) -> dict[str, Any]:
    """The dashboard as the API shows it, once it is ready."""

    async def probe() -> dict[str, Any] | None:
        task = await user.task(task_id)
        document: dict[str, Any] | None = task and task["interfaces"][0]
        return document if document and document["ready"] else None

    return await eventually(probe, "the dashboard answers")


async def sees_no_dashboard(context: BrowserContext, deployment: Deployment, url: str) -> None:
    """Somebody else's browser is sent to the hub, which shows nothing of the task."""
    page = await log_in(context, deployment, "bob")
    await visit(page, url)
    assert page.url.startswith(deployment.url), page.url
    assert not await page.evaluate("'Bokeh' in window")
    await visit(page, deployment.url)
    opened = """url => new Promise((done) => {
      const socket = new WebSocket(url);
      socket.onopen = () => done("open");
      socket.onerror = () => done("refused");
    })"""
    address = f"{url.replace('http', 'ws', 1).rsplit('/', 1)[0]}/individual-progress/ws"
    assert await page.evaluate(opened, address) == "refused"


async def draws(page: Page, name: str) -> None:
    """Until the dashboard in this page shows a computation of that name."""
    await page.wait_for_function(DRAWN, arg=name, timeout=60_000)


async def test_a_dashboard_lives_beside_its_notebook(alice: User, deployment: Deployment) -> None:
    started = await alice.start(software="dask", memory="1G")
    task = await alice.until(started["id"], "running")
    async with chromium() as browser:
        context, others = await browser.new_context(), await browser.new_context()
        page = await log_in(context, deployment, "alice")
        await visit(page, f"{deployment.url}{task['page_url']}?stay")
        button = page.get_by_role("link", name="Dashboard")
        await expect(button).to_have_text("Dashboard (not answering yet)")
        dashboard, notebook = await context.new_page(), await context.new_page()
        await visit(dashboard, f"{deployment.url}{await button.get_attribute('href')}")
        await expect(dashboard.get_by_role("heading")).to_contain_text("is not answering yet")

        await visit(notebook, f"{deployment.url}{task['open_url']}")
        await run_a_cell(notebook, START, "started 42")
        # It opens by itself, at the page that the software's entry names.
        await dashboard.wait_for_url("**/individual-progress", timeout=60_000)
        await dashboard.wait_for_function("() => window.Bokeh?.documents?.length > 0")
        assert dashboard.url.rsplit("/", 1)[0] != notebook.url.split("/lab")[0]
        await dashboard.evaluate("window.mark = 'kept'")
        assert not await dashboard.evaluate(DRAWN, "divmod")
        await notebook.keyboard.type(WORK)
        await notebook.keyboard.press("Shift+Enter")
        await notebook.locator(".jp-OutputArea-output", has_text="worked (14, 2)").wait_for()
        await draws(dashboard, "divmod")
        assert await dashboard.evaluate("window.mark") == "kept", "live, and not loaded again"
        await keep_picture(dashboard, "dask")

        assert (await wait_ready(alice, task["id"]))["name"] == "Dashboard"
        await expect(button).to_have_text("Dashboard")
        await sees_no_dashboard(others, deployment, dashboard.url)
