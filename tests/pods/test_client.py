"""Calls of an API server, and the copy of its pods."""

import asyncio
from dataclasses import replace

import pytest

from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.kubernetes.client import ApiRefused, KubernetesClient, NotReceived
from rosetta_hub.resources.kubernetes import pods as pods_module
from rosetta_hub.resources.kubernetes.pods import Pods
from tests.support.certificates import read_certificate
from tests.support.eventually import until
from tests.support.ports import free_port

from .fake_api import FakeApi, failure
from .objects import NAME, pod

PATH = "/api/v1/namespaces/rosetta/pods"


async def test_refusals_have_the_servers_words(api: FakeApi) -> None:
    api.refuse = lambda method, path: failure(403, "Forbidden", "pods is forbidden")
    with pytest.raises(ApiRefused, match="pods is forbidden") as raised:
        await api.client().call("GET", PATH)
    assert (raised.value.status, raised.value.reason) == (403, "Forbidden")


@pytest.mark.parametrize("code", [401, 429, 503])
async def test_what_the_server_did_not_act_on_may_be_sent_again(api: FakeApi, code: int) -> None:
    api.refuse = lambda method, path: failure(code, "", "later")
    with pytest.raises(NotReceived):
        await api.client().call("GET", PATH)


async def test_a_fault_of_the_server_leaves_open_what_happened(api: FakeApi) -> None:
    api.refuse = lambda method, path: failure(500, "InternalError", "etcdserver: timeout")
    with pytest.raises(ResourceUnavailable) as raised:
        await api.client().call("GET", PATH)
    assert not isinstance(raised.value, NotReceived)


async def test_nobody_listens(api: FakeApi) -> None:
    server = replace(api.server, url=f"https://127.0.0.1:{free_port()}")
    with pytest.raises(NotReceived, match="refused"):
        await KubernetesClient(lambda: server).call("GET", PATH)


async def test_a_server_of_another_authority_is_not_trusted(api: FakeApi) -> None:
    server = replace(api.server, ca=_other_authority(api))
    with pytest.raises(ResourceUnavailable, match="not trusted"):
        await KubernetesClient(lambda: server).call("GET", PATH)
    assert api.asked == []


def _other_authority(api: FakeApi) -> str:
    folder = api.folder / "other"
    folder.mkdir()
    return read_certificate(folder)[0]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pods_module, "RETRY_SECONDS", 0.01)


async def follow(api: FakeApi, pods: Pods) -> asyncio.Task[None]:
    task = asyncio.create_task(pods.run(), name="pods")
    await until(lambda: api.watches)
    return task


async def test_pods_are_listed_once_and_watched(api: FakeApi, quick: None) -> None:
    api.objects[f"{PATH}/{NAME}"] = pod()
    pods = Pods(api.client(), PATH, "a=b")
    with pytest.raises(ResourceUnavailable):
        pods.all()
    task = await follow(api, pods)
    changed = asyncio.Event()
    pods.on_change = changed.set
    assert set(pods.all()) == {NAME}
    api.tell("MODIFIED", pod({"phase": "Running"}))
    await asyncio.wait_for(changed.wait(), 10)
    assert pods.all()[NAME]["status"]["phase"] == "Running"
    api.tell("DELETED", pod())
    await until(lambda: not pods.all())
    assert len(api.asked) == 2
    task.cancel()


async def test_a_server_that_is_away_leaves_nothing_known(api: FakeApi, quick: None) -> None:
    api.objects[f"{PATH}/{NAME}"] = pod()
    pods = Pods(api.client(), PATH, "a=b")
    task = await follow(api, pods)
    api.refuse = lambda method, path: failure(500, "", "etcdserver: no leader")
    await api.http.close_all_connections()

    def is_unknown() -> bool:
        try:
            pods.all()
        except ResourceUnavailable as error:
            return "no leader" in str(error) or "reached" in str(error)
        return False

    await until(is_unknown)
    api.refuse = lambda method, path: None
    await until(lambda: api.watches)
    assert set(pods.all()) == {NAME}
    task.cancel()


async def test_a_watch_that_is_too_old_begins_with_a_list(api: FakeApi, quick: None) -> None:
    pods = Pods(api.client(), PATH, "a=b")
    task = await follow(api, pods)
    status = {"kind": "Status", "status": "Failure", "code": 410, "metadata": {}}
    api.objects[f"{PATH}/{NAME}"] = pod()
    api.tell("ERROR", {**status, "message": "too old resource version"})
    api.watches[0].finish()
    await until(lambda: NAME in pods.all())
    assert pods.all()
    task.cancel()


async def test_calls_and_watches_pass_the_socket_of_a_kubectl(api: FakeApi, quick: None) -> None:
    server = api.proxied()
    pods = Pods(KubernetesClient(lambda: server), PATH, "a=b")
    task = await follow(api, pods)
    api.tell("ADDED", pod())
    await until(lambda: NAME in pods.all())
    task.cancel()


async def test_nobody_listens_on_the_socket(api: FakeApi) -> None:
    server = api.proxied()
    (api.folder / "kubectl.sock").unlink()
    with pytest.raises(ResourceUnavailable, match="No such file"):
        await KubernetesClient(lambda: server).call("GET", PATH)
