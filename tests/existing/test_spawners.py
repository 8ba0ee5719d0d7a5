"""Spawners of hubs that exist, beside Rosetta Hub: KubeSpawner, SystemdSpawner and batchspawner.

There is no Kubernetes here, and no account for SystemdSpawner: those are made and show their forms,
and what keeps them from starting a server is told. The commands of Slurm are the fake ones.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.spawners.hub import User, http_client, until
from tests.support.fake_slurm import FakeSlurm
from tests.support.ports import free_port

from .deployment import INSTALLED, PLAIN, WEB, ExistingHub

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

# An account that every Debian has, because batchspawner looks for its home.
USER = "daemon"

SPAWNERS = """
import batchspawner

# Of an API server that does not answer.
kubeconfig = Path(__file__).with_name("kubeconfig")
kubeconfig.write_text(json.dumps({
    "apiVersion": "v1", "kind": "Config", "current-context": "here",
    "clusters": [{"name": "here", "cluster": {"server": "http://127.0.0.1:1"}}],
    "users": [{"name": "hub", "user": {}}],
    "contexts": [{"name": "here", "context": {"cluster": "here", "user": "hub"}}],
}))
os.environ["KUBECONFIG"] = str(kubeconfig)
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.KubeSpawner.profile_list = [{"display_name": "Large pods", "slug": "large"}]
c.KubeSpawner.start_timeout = 20
# Where its two watchers start at once and one fails, KubeSpawner cancels the other one, and may
# wait for it ever after.
c.KubeSpawner.events_enabled = False
c.SystemdSpawner.username_template = "no-such-account-{USERNAME}"
c.SlurmSpawner.exec_prefix = ""
c.SlurmSpawner.startup_poll_interval = 0.2
c.SlurmSpawner.poll_interval = 1
slurm = Path(__file__).parent / "slurm"
c.SlurmSpawner.batch_submit_cmd = (
    f"env > {slurm}/environment && {slurm}/sbatch --parsable --job-name=jupyter"
)
c.SlurmSpawner.batch_query_cmd = f"{slurm}/squeue -h -j {{job_id}} -o '%T %B'"
c.SlurmSpawner.batch_cancel_cmd = f"{slurm}/scancel {{job_id}}"
"""

ENTRIES = [
    {"id": "systemd", "name": "Unit", "kind": "native", "spawner_class": "systemd"},
    {"id": "batch", "name": "Job", "kind": "native", "spawner_class": "batchspawner.SlurmSpawner"},
    WEB,
]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ExistingHub]:
    """A hub with Rosetta Hub, whose own spawner is KubeSpawner."""
    result = ExistingHub(tmp_path_factory.mktemp("hub"), sys.executable, SPAWNERS)
    result.settings["software"] = ENTRIES
    result.configure(PLAIN + SPAWNERS + INSTALLED)
    (result.directory / "slurm").mkdir()
    await result.start()
    await result.api("POST", f"/users/{USER}")
    yield result
    await result.close()


async def test_forms(hub: ExistingHub) -> None:
    alice = User(hub, "alice")
    await alice.log_in()
    page = await alice.form("one")
    await alice.client.aclose()
    assert "Large pods" in page
    assert page.index('value="previous-spawner"') < page.index('value="systemd"')
    assert 'value="batch"' in page
    assert "is hidden" not in hub.log
    assert "RosettaSpawner takes the place of kubespawner.KubeSpawner" in hub.log


@pytest.mark.parametrize("software", ["previous-spawner", "systemd"])
async def test_start_that_fails_is_told(hub: ExistingHub, software: str) -> None:
    path = f"/users/{USER}/servers/one"
    answer = await hub.api("POST", path, {"software": software})
    assert answer.status_code in (202, 500), answer.text
    await hub.gone(USER, "one")
    assert f"Unhandled error starting {USER}'s server" in hub.log
    assert (await hub.api("GET", "/info")).status_code == 200


async def wait_for_job(slurm: FakeSlurm) -> str:
    """The job that was submitted; made to run here."""

    async def submitted() -> list[str]:
        return list(slurm.jobs())

    (job_id,) = await until(submitted, "a job is submitted")
    slurm.add_jobs(slurm.jobs()[job_id] | {"state": "RUNNING", "node": "127.0.0.1"})
    return str(job_id)


async def tell_port(hub: ExistingHub, slurm: FakeSlurm, port: int) -> None:
    """As `batchspawner-singleuser` does on the node: with the server's token, to the hub."""
    lines = (slurm.directory / "environment").read_text().splitlines()
    environment = dict(line.split("=", 1) for line in lines if "=" in line)
    async with http_client() as client:
        answer = await client.post(
            f"{hub.url}/hub/api/batchspawner",
            headers={"Authorization": f"token {environment['JUPYTERHUB_API_TOKEN']}"},
            json={"port": port},
        )
    assert answer.status_code == 200, answer.text


async def answer_everything(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\non node")
    await writer.drain()
    writer.close()


async def test_batch_job(hub: ExistingHub) -> None:
    slurm = FakeSlurm(Path(hub.directory / "slurm"))
    port = free_port()
    starting = asyncio.create_task(
        hub.api("POST", f"/users/{USER}/servers/job", {"software": "batch"})
    )
    job_id = await wait_for_job(slurm)
    async with await asyncio.start_server(answer_everything, "127.0.0.1", port):
        await tell_port(hub, slurm, port)
        assert (await starting).status_code in (201, 202)
        await hub.ready(USER, "job")
        await hub.restart(installed=True)
        server = await hub.ready(USER, "job")
        assert server["state"]["child_state"]["job_id"] == job_id
        async with http_client() as client:
            assert (await client.get(f"{hub.url}/user/{USER}/job/")).text == "on node"
        await hub.api("DELETE", f"/users/{USER}/servers/job")
        await hub.gone(USER, "job")
    assert slurm.jobs()[job_id]["state"].startswith("CANCELLED")
