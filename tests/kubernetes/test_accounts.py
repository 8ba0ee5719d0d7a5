"""The hub's account at the cluster: revoked, rotated, replaced, and deleted with its namespace."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from rosetta_hub.kubernetes.client import ApiRefused, KubernetesClient, NotAccepted
from tests.e2e.deployment import Deployment, OpenedTask, User, eventually
from tests.support.certificates import make_certificate
from tests.support.private_registry import run

from .administrator import PLURALS, Administrator
from .cluster import KubernetesCluster
from .conftest import SOFTWARE
from .test_faults import waits_with
from .test_life import all_run, start

pytestmark = pytest.mark.timeout(400)

CERTIFICATE = "certificate of the Kubernetes API server is not trusted"
REVOKED = "does not accept the hub's account"
# Seconds in which tunnels have a new account; without news, they get it every ten minutes.
SOON = 30
AMOUNT = 4_000_000


@dataclass
class Tenant:
    """A hub whose namespace and account are its own, as its administrator has made them."""

    administrator: Administrator
    deployment: Deployment
    token: str = "rosetta-hub-token"
    """The secret of the token that the hub has."""

    async def renew(self) -> str:
        """Give the hub another token of its account; returns the secret of the former one."""
        former, self.token = self.token, f"token-{secrets.token_hex(4)}"
        metadata = {
            "name": self.token,
            "annotations": {"kubernetes.io/service-account.name": "rosetta-hub"},
        }
        document = {"metadata": metadata, "type": "kubernetes.io/service-account-token"}
        await self.cluster.admin.call("POST", self.administrator.secrets, document)
        await self.administrator.log_in(self.token)
        return former

    async def revoke(self, name: str) -> None:
        """Take a token away: it counts as long as its secret is there, and for seconds more."""
        path = f"{self.administrator.secrets}/{name}"
        secret = await self.cluster.admin.call("GET", path)
        token = base64.b64decode(secret["data"]["token"]).decode()
        server = replace(self.cluster.admin.server(), token=token, certificate=None, key=None)
        await self.cluster.admin.call("DELETE", path, {})

        async def is_refused() -> bool:
            try:
                await KubernetesClient(lambda: server).call("GET", self.administrator.secrets)
            except NotAccepted:
                return True
            except ApiRefused:
                # Let in, without the right to list secrets.
                pass
            return False

        await eventually(is_refused, "the token is not accepted any more", 60)

    async def bind(self, name: str, user: str | None = None) -> None:
        """Grant the hub's rights to the user of a certificate, or take such a grant away."""
        path = PLURALS["RoleBinding"].format(f"namespaces/{self.administrator.namespace}")
        if user is None:
            await self.cluster.admin.call("DELETE", f"{path}/{name}", {})
            return
        group = "rbac.authorization.k8s.io"
        document = {
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "rosetta-hub"},
            "subjects": [{"kind": "User", "apiGroup": group, "name": user}],
        }
        await self.cluster.admin.call("POST", path, document)

    @property
    def cluster(self) -> KubernetesCluster:
        """Where it is."""
        return self.administrator.cluster


def make_account(cluster: KubernetesCluster, folder: Path, user: str) -> dict[str, Any]:
    """A client certificate of a user, as a kubeconfig names it."""
    pki, base = cluster.state / "pki", folder / user
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    files = ["-keyout", f"{base}.key", "-out", f"{base}.csr"]
    run(["openssl", "req", *key, "-subj", f"/CN={user}", *files])
    signer = ["-CA", str(pki / "ca.crt"), "-CAkey", str(pki / "ca.key"), "-CAcreateserial"]
    files = ["-in", f"{base}.csr", "-out", f"{base}.crt"]
    run(["openssl", "x509", "-req", "-days", "1", *signer, *files])
    return {"client-certificate": f"{base}.crt", "client-key": f"{base}.key"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tenant(
    cluster: KubernetesCluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Tenant]:
    """A hub with a token."""
    folder = tmp_path_factory.mktemp("tenant")
    administrator = Administrator(cluster, folder)
    await administrator.apply(await administrator.run("kubernetes", "manifests", "cloud"))
    await administrator.log_in()
    deployment = Deployment(folder / "hub", SOFTWARE, [administrator.computing], ports=20)
    try:
        await deployment.start()
        yield Tenant(administrator, deployment)
    finally:
        await deployment.stop()
        await administrator.remove()


@pytest.fixture
async def alice(tenant: Tenant) -> AsyncIterator[User]:
    """A user of a hub with a new token; after the test nothing of hers is in the namespace."""
    await tenant.renew()
    user = await tenant.deployment.user("alice")
    yield user
    await user.clean()

    async def is_empty() -> bool:
        return not await tenant.administrator.pods()

    await eventually(is_empty, "all pods are gone", 90)


async def open_many(opened: OpenedTask) -> list[int]:
    """The status of requests that need connections of their own, because they go on together."""
    answers = [opened.get(f"/bytes?count={AMOUNT}") for _ in range(12)]
    return [answer.code for answer in await asyncio.gather(*answers)]


async def can_be_used(user: User, task: dict[str, Any]) -> None:
    """New connections to the task are made soon."""
    opened = await user.enter(task)

    async def answers() -> bool:
        return await open_many(opened) == [200] * 12

    await eventually(answers, "the task answers on new connections", SOON)


async def test_a_token_is_rotated_while_a_task_runs(alice: User, tenant: Tenant) -> None:
    task = await start(alice)
    assert task["state"] == "running", task["message"]
    await can_be_used(alice, task)
    await tenant.revoke(await tenant.renew())
    await can_be_used(alice, task)
    later = await start(alice)
    await all_run(alice, task["id"], later["id"])
    assert len(await tenant.administrator.pods()) == 2


async def test_a_token_is_revoked_and_another_one_given(alice: User, tenant: Tenant) -> None:
    running = await start(alice)
    await tenant.revoke(tenant.token)
    starting = await alice.start(software="web", computing="cloud")
    await waits_with(alice, starting["id"], REVOKED)
    # The watch of pods ends within a minute; tasks go on, and nothing is concluded.
    await waits_with(alice, running["id"], REVOKED, 120)
    assert (await alice.task(running["id"]) or {})["state"] == "running"
    assert len(await tenant.administrator.pods()) == 1
    await tenant.renew()
    await all_run(alice, running["id"], starting["id"])
    assert len(await tenant.administrator.pods()) == 2


async def test_a_certificate_is_replaced_while_a_task_runs(
    alice: User, tenant: Tenant, tmp_path: Path
) -> None:
    for user in ("hub-old", "hub-new"):
        await tenant.bind(user, user)
    old, new = (make_account(tenant.cluster, tmp_path, user) for user in ("hub-old", "hub-new"))
    tenant.administrator.write_kubeconfig(old)
    # Nobody logs in by the token any more.
    await tenant.revoke(tenant.token)
    task = await start(alice)
    await can_be_used(alice, task)
    tenant.administrator.write_kubeconfig(new)
    await tenant.bind("hub-old")
    await can_be_used(alice, task)
    later = await start(alice)
    await all_run(alice, task["id"], later["id"])


async def test_the_certificate_of_the_server_is_replaced(
    alice: User, tenant: Tenant, tmp_path: Path
) -> None:
    """As it looks from here: its signer is not the one that the kubeconfig names."""
    task = await start(alice)
    token = tenant.administrator.login
    other, _ = make_certificate(tmp_path, "127.0.0.1")
    tenant.administrator.write_kubeconfig(token, other)
    starting = await alice.start(software="web", computing="cloud")
    await waits_with(
        alice, starting["id"], "certificate of the Kubernetes API server is not trusted"
    )
    tenant.administrator.write_kubeconfig(token)
    await can_be_used(alice, task)
    await all_run(alice, task["id"], starting["id"])


async def test_a_namespace_is_deleted_under_running_tasks(alice: User, tenant: Tenant) -> None:
    """The last test of this module: nothing makes the namespace again."""
    tasks = [await start(alice) for _ in range(3)]
    await tenant.administrator.remove()
    for task in tasks:
        ended = await alice.until(task["id"], "failed", "stopped", seconds=200)
        assert ended["state"] == "failed"
        assert tenant.administrator.namespace in ended["message"]
        assert "was deleted" in ended["message"]
