"""The second container of pods that dial the hub."""

import base64
import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.database.models import Task, TaskState
from rosetta_hub.reconciler import pod_events
from rosetta_hub.resources.kubernetes.reports import PodReport, build_report
from rosetta_hub.tunnels.routes import ReverseRoute

from .bench import PODS, SECRETS, Bench, make_bench
from .fake_api import FakeApi
from .objects import event, pod, running, waiting

Document = dict[str, Any]
IMAGE = "docker.io/library/python:3.12-slim"
CONF: Document = {"tunnel": "reverse", "agent_image": IMAGE}


@pytest.fixture
async def bench(api: FakeApi, tmp_path: Path) -> Bench:
    """A cluster whose API server does not carry the users' bytes."""
    return await make_bench(api, tmp_path, **CONF)


def secret_of(bench: Bench, task: Task) -> Document:
    """The secret of the second container."""
    return bench.api.objects[f"{SECRETS}/{bench.queue.job_name(task)}-agent"]


def spec_of(bench: Bench, task: Task) -> Document:
    """What its program is told."""
    values: Document = json.loads(base64.b64decode(secret_of(bench, task)["data"]["spec.json"]))
    return values


async def test_a_pod_has_a_container_that_dials(bench: Bench) -> None:
    task = await bench.submit(bench.start())
    software, sidecar = bench.pod(task)["spec"]["containers"]
    assert (software["name"], sidecar["image"]) == ("task", IMAGE)
    assert sidecar["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert sidecar["resources"]["limits"] == {"cpu": "500m", "memory": "128Mi"}
    # The software's container has no part in its secret.
    assert [mount["name"] for mount in sidecar["volumeMounts"]] == ["rosetta-agent"]
    assert "volumeMounts" not in software
    assert software["envFrom"] == [{"secretRef": {"name": bench.queue.job_name(task)}}]


async def test_what_it_presents_is_what_the_tunnel_expects(bench: Bench) -> None:
    task = await bench.submit(bench.start())
    spec = spec_of(bench, task)
    tunnel = bench.queue.tunnel(task)
    assert tunnel is not None
    assert tunnel.route == ReverseRoute(hashlib.sha256(spec["secret"].encode()).hexdigest())
    assert (spec["task"], spec["attempt"], spec["port"]) == (task.id, 1, 8888)
    assert spec["secret"] not in json.dumps(bench.pod(task))
    # It can't be used to report in the name of an agent.
    assert spec["secret"] != bench.queue._keys.agent_secret(task.id, 1)


async def test_the_tunnel_waits_before_there_is_a_pod(bench: Bench) -> None:
    assert bench.queue.uses_tunnels
    assert bench.queue.tunnel(bench.start()) is not None


async def test_its_program_is_small_and_goes_with_the_pod(bench: Bench) -> None:
    task = await bench.submit(bench.start())
    secret = secret_of(bench, task)
    (owner,) = secret["metadata"]["ownerReferences"]
    assert owner["uid"] == task.job_id
    program = base64.b64decode(secret["data"]["program.pyz"])
    assert "__main__.py" in zipfile.ZipFile(io.BytesIO(program)).namelist()
    # 1,000 of them are in the cluster's database.
    assert len(program) < 20_000


async def test_where_disks_are_limited_its_is_limited_too(api: FakeApi, tmp_path: Path) -> None:
    bench = await make_bench(api, tmp_path, **CONF)
    submission = bench.queue.submission
    submission._computing = submission._computing.model_copy(update={"disk_limit": 1 << 30})
    task = await bench.submit(bench.start())
    for container in bench.pod(task)["spec"]["containers"]:
        assert "ephemeral-storage" in container["resources"]["limits"]


def beside(status: Document, **agent: Any) -> Document:
    """A pod whose second container, which servers list first, is in another state."""
    statuses = [{"name": "rosetta-agent", "state": agent, "imageID": "a@sha256:" + "0" * 64}]
    status = {**status, "containerStatuses": [*statuses, *status["containerStatuses"]]}
    return pod(status, containers=[{"name": "task"}, {"name": "rosetta-agent"}])


RUNS: Document = {"running": {"startedAt": "2026-11-27T10:00:00Z"}}


def report(
    status: Document, answers: bool = False, is_late: bool = False, **agent: Any
) -> PodReport:
    result = build_report(beside(status, **agent), (), answers, is_late)
    assert result is not None
    return result


def test_the_softwares_container_is_the_one_that_counts() -> None:
    assert report(waiting("ContainerCreating"), **RUNS).state == "starting"
    assert report(running(), answers=True, **RUNS) == PodReport("running")
    assert report(running(), is_late=True, **RUNS).reason == "no_answer"


def over(**terminated: Any) -> Document:
    """Of a pod whose software has ended, while its second container goes on."""
    return {
        **running(),
        "containerStatuses": [{"name": "task", "state": {"terminated": terminated}}],
    }


def test_a_task_is_over_when_its_software_has_ended() -> None:
    result = report(over(exitCode=3, reason="Error"), **RUNS)
    assert (result.state, result.reason, result.exit_code) == ("failed", "exited", 3)
    assert report(over(exitCode=137, reason="OOMKilled"), **RUNS).reason == "out_of_memory"


async def test_the_pod_is_removed_when_its_software_has_ended(bench: Bench) -> None:
    task = await bench.submit(bench.start())
    task = await bench.report(task, **beside(over(exitCode=3), **RUNS)["status"])
    assert task.state is TaskState.FAILED
    await bench.look()
    assert not [path for path in bench.api.objects if path.startswith(PODS)]


def test_a_connection_that_ended_ends_the_task_and_says_so() -> None:
    ended: Document = {
        "terminated": {"exitCode": 1, "reason": "Error", "message": "no module named ssl"}
    }
    result = report(running(), **ended)
    assert (result.state, result.reason) == ("failed", "unsupported")
    assert result.detail.endswith("connects the task with the hub ended: no module named ssl")


def test_a_pod_that_is_deleted_ends_as_its_software_does() -> None:
    deleted = beside(running(), terminated={"exitCode": 0, "reason": "Completed"})
    deleted["metadata"]["deletionTimestamp"] = "2026-11-27T10:01:00Z"
    assert build_report(deleted, (), True, False) == PodReport("running")


def test_an_image_that_is_missing_is_named_as_the_cause() -> None:
    absent: Document = {
        "waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
    }
    assert report(running(), **absent).state == "starting"
    result = report(running(), is_late=True, **absent)
    assert (result.state, result.reason) == ("failed", "unsupported")
    assert "does not start: Back-off pulling image" in result.detail


async def test_a_secret_that_was_not_created_is_created_when_the_node_misses_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_events, "INTERVAL", 0.0)
    task = await bench.submit(bench.start())
    name = bench.queue.job_name(task)
    del bench.api.objects[f"{SECRETS}/{name}-agent"]
    text = f'MountVolume.SetUp failed for volume "rosetta-agent" : secret "{name}-agent" not found'
    path = PODS.replace("/pods", "/events") + "/one"
    bench.api.objects[path] = {**event("FailedMount", text), "metadata": {"name": "one"}}
    await bench.report(task, **waiting("ContainerCreating"))
    assert f"{SECRETS}/{name}-agent" in bench.api.objects
