"""Rows 6 and 7: kubectl logs in, on the service's machine or on a login node."""

import asyncio
import functools
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from rosetta_hub.tunnels import TunnelsClient, TunnelsConfig
from tests.e2e.deployment import Deployment, User, eventually
from tests.support.processes import find_processes, kill
from tests.support.sshd import Sshd

from .cluster import KubernetesCluster
from .conftest import SOFTWARE, until_empty
from .kubectl import LIFETIME, ExecLogin, build_computing, ssh_conf
from .test_faults import waits_with
from .test_life import all_run, outlive_a_kill, start

pytestmark = pytest.mark.timeout(300)


@dataclass
class KubectlHub:
    """A hub whose cluster is reached by a kubectl, and what is on the way."""

    deployment: Deployment
    login: ExecLogin
    sshd: Sshd | None

    @property
    def kubectls(self) -> list[int]:
        """The processes of its kubectl."""
        mark = f"--kubeconfig={self.login.folder / 'kubeconfig'}"
        return list(find_processes("proxy", mark))

    @property
    def cuts(self) -> list[Callable[[], None]]:
        """What may end on the way: kubectl, and the connection to its login node."""
        drop = [self.sshd.drop_connections] if self.sshd else []
        return [lambda: kill(self.kubectls), *drop]

    async def has_no_kubectl(self) -> bool:
        """Whether its kubectl has ended."""
        return not self.kubectls


@pytest.fixture(scope="module", params=["local", "ssh"])
def access_mode(request: pytest.FixtureRequest) -> str:
    """Where kubectl is."""
    return str(request.param)


@pytest.fixture(scope="module")
def sshd(access_mode: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd | None]:
    """The login node."""
    if access_mode == "local":
        yield None
        return
    server = Sshd(tmp_path_factory.mktemp("login")).start()
    yield server
    server.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hub(
    access_mode: str,
    sshd: Sshd | None,
    cluster: KubernetesCluster,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[KubectlHub]:
    """A running hub; nothing of its kubectl is left after it."""
    folder = tmp_path_factory.mktemp("hub")
    login = ExecLogin(cluster, folder / "login")
    conf = {"kubeconfig": str(login.write()), **(ssh_conf(sshd) if sshd else {})}
    deployment = Deployment(folder, SOFTWARE, [build_computing(access_mode, **conf)], ports=50)
    result = KubectlHub(deployment, login, sshd)
    try:
        await deployment.start()
        yield result
    finally:
        await deployment.stop()
    await eventually(result.has_no_kubectl, "kubectl has ended", 30)
    await asyncio.to_thread(shutil.rmtree, folder)


@pytest.fixture
async def alice(hub: KubectlHub, cluster: KubernetesCluster) -> AsyncIterator[User]:
    """A user; after the test nothing of hers is on the cluster."""
    hub.login.refuse(False)
    user = await hub.deployment.user("alice")
    yield user
    await user.clean()
    await until_empty(cluster)


async def test_a_pod_is_started_used_and_stopped(alice: User, hub: KubectlHub) -> None:
    task = await start(alice)
    assert task["state"] == "running", (task["message"], hub.deployment.log)
    opened = await alice.enter(task)
    answer = await opened.get("/")
    assert (answer.code, answer.body) == (200, b"Hello from a pod\n")
    answer = await opened.get("/bytes?count=20000000")
    assert len(answer.body) == 20_000_000
    assert len(hub.kubectls) == 1
    await alice.api("POST", f"tasks/{task['id']}/stop")
    stopped = await alice.until(task["id"], "stopped", "failed", seconds=60)
    assert stopped["state"] == "stopped"
    assert "serving on 8888" in "\n".join(stopped["log_tail"])


async def is_inside(user: User, task: dict[str, Any]) -> bool:
    """Whether the task's page opens now."""
    opened = await user.enter(task)
    return (await opened.get("/")).code == 200


async def test_the_way_to_the_server_is_cut_while_pods_start_and_run(
    alice: User, hub: KubectlHub, cluster: KubernetesCluster
) -> None:
    tasks = [await start(alice)]
    assert tasks[0]["state"] == "running", tasks[0]["message"]
    for cut in hub.cuts:
        kubectls = hub.kubectls
        starting = await alice.start(software="web", computing="cloud")
        cut()
        tasks.append(await alice.until(starting["id"], "running", "failed", seconds=150))
        assert tasks[-1]["state"] == "running", tasks[-1]["message"]
        for task in tasks:
            await eventually(functools.partial(is_inside, alice, task), "the task opens", 60)
        assert len(hub.kubectls) == 1
        assert hub.kubectls != kubectls
    # Nothing is lost, and nothing is there twice.
    assert len(await cluster.pods()) == len(tasks)


async def test_a_session_goes_on_while_the_service_restarts(alice: User, hub: KubectlHub) -> None:
    task = await start(alice)
    opened = await alice.enter(task)
    kubectls = hub.kubectls
    hub.deployment.kill_service()
    assert (await opened.get("/")).code == 200
    await hub.deployment.answers()
    result = await alice.until(task["id"], "running", "failed", "stopped")
    assert result["state"] == "running"
    assert (await opened.get("/")).code == 200
    assert hub.kubectls == kubectls


async def test_the_tunnels_process_is_killed_while_a_pod_starts(
    alice: User, hub: KubectlHub, cluster: KubernetesCluster
) -> None:
    running = await start(alice)
    starting = await alice.start(software="web", computing="cloud")
    client = TunnelsClient(TunnelsConfig(hub.deployment.state_dir).socket)
    os.kill((await client.status()).pid, signal.SIGKILL)
    started = await alice.until(starting["id"], "running", "failed", seconds=150)
    assert started["state"] == "running", started["message"]
    for task in (running, started):
        await eventually(functools.partial(is_inside, alice, task), "the task opens", 60)
    assert len(await cluster.pods()) == 2
    assert len(hub.kubectls) == 1


async def test_a_login_that_ends_is_renewed_and_a_refusal_is_told(
    alice: User, hub: KubectlHub, cluster: KubernetesCluster
) -> None:
    task = await start(alice)
    calls = hub.login.calls

    async def is_renewed() -> bool:
        await is_inside(alice, task)
        return hub.login.calls > calls

    await eventually(is_renewed, "kubectl has logged in again", 60 + LIFETIME)
    hub.login.refuse(True)
    kill(hub.kubectls)
    await waits_with(alice, task["id"], "getting credentials")
    assert (await cluster.pods())[0]["status"]["phase"] == "Running"
    hub.login.refuse(False)
    await eventually(functools.partial(is_inside, alice, task), "the task opens", 90)
    result = await alice.until(task["id"], "running", "failed", "stopped")
    assert result["state"] == "running"


@pytest.mark.parametrize("part", ["apiserver", "etcd", "kubelet-node1"])
async def test_a_part_is_killed_while_tasks_start_and_run(
    alice: User, cluster: KubernetesCluster, part: str
) -> None:
    await outlive_a_kill(alice, cluster, part)


async def test_the_service_is_killed_while_tasks_start_and_run(
    alice: User, hub: KubectlHub, cluster: KubernetesCluster
) -> None:
    running = await start(alice)
    starting = await alice.start(software="web", computing="cloud")
    hub.deployment.kill_service()
    await hub.deployment.answers()
    await all_run(alice, running["id"], starting["id"])
    assert len(await cluster.pods()) == 2
    assert len(hub.kubectls) == 1


async def test_shutdown_makes_the_way_to_the_server_by_itself(alice: User, hub: KubectlHub) -> None:
    """As on a machine that was started anew: neither service nor tunnels run, and no kubectl."""
    task = await start(alice)
    assert task["state"] == "running", task["message"]
    deployment = hub.deployment
    await deployment.stop_hub()
    client = TunnelsClient(TunnelsConfig(deployment.state_dir).socket)
    kill([(await client.status()).pid, *hub.kubectls])
    await eventually(hub.has_no_kubectl, "kubectl has ended", 30)
    await deployment.stop()
    await deployment.start()
    stopped = await alice.task(task["id"])
    assert stopped is not None
    assert stopped["state"] == "stopped", stopped["message"]
