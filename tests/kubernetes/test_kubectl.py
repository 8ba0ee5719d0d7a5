"""Rows 6 and 7: kubectl logs in, on the service's machine or on a login node."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.e2e.deployment import Deployment, User, eventually
from tests.support.sshd import Sshd

from .cluster import KubernetesCluster
from .conftest import SOFTWARE
from .kubectl import (
    ExecLogin,
    build_computing,
    find_processes,
    ssh_conf,
)
from .test_life import start

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
        return find_processes("proxy", f"--kubeconfig={self.login.folder / 'kubeconfig'}")

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
    found = KubectlHub(deployment, login, sshd)
    try:
        await deployment.start()
        yield found
    finally:
        await deployment.stop()
    await eventually(found.has_no_kubectl, "kubectl has ended", 30)
    await asyncio.to_thread(shutil.rmtree, folder)


@pytest.fixture
async def alice(hub: KubectlHub, cluster: KubernetesCluster) -> AsyncIterator[User]:
    """A user; after the test nothing of hers is on the cluster."""
    hub.login.refuse(False)
    user = await hub.deployment.user("alice")
    yield user
    await user.clean()

    async def is_empty() -> bool:
        return not await cluster.pods()

    await eventually(is_empty, "all pods are gone", 90)


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
