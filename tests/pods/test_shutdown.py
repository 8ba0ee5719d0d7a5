"""`rosetta-hub shutdown` stops tasks that are pods, where nobody keeps the list of pods."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task, TaskState
from rosetta_hub.reconciler import job_steps
from rosetta_hub.resources.kubernetes.pod import build_labels
from rosetta_hub.service.composition import Parts
from rosetta_hub.service.shutdown import end_all
from tests.support.starting import start_task

from .bench import PODS
from .fake_api import FakeApi
from .objects import NAMESPACE, entry


def write_kubeconfig(api: FakeApi, folder: Path) -> Path:
    """That of the account that the server knows."""
    (folder / "ca.crt").write_text(api.server.ca)
    path = folder / "kubeconfig"
    cluster = {"server": api.server.url, "certificate-authority": "ca.crt"}
    config = {
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": api.token}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture(params=["portforward", "pod"])
async def parts(
    api: FakeApi, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Parts]:
    """The parts of a service whose loops do not run."""
    conf = {"kubeconfig": str(write_kubeconfig(api, tmp_path)), "tunnel": request.param}
    settings = Rosetta(
        state_dir=str(tmp_path / "state"),
        tasks_url="http://127.0.0.1",
        software=[{"name": "Web", "image_name": "web"}],
        computing=[entry(conf=conf)],
    )
    result = Parts(settings)
    yield result
    result.database.close()


async def test_a_task_that_runs_is_stopped_and_its_pod_removed(
    api: FakeApi, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_steps, "LOOK_AGAIN", 0.0)
    queue = parts.resources.pods["cloud"]
    options = {"software": "web", "computing": "cloud"}
    task = start_task(parts.tasks, "one", options, User("alice"))
    labels = build_labels(task, parts.keys.deployment)
    metadata = {"name": queue.job_name(task), "namespace": NAMESPACE, "labels": labels}
    _, pod = api.answer("POST", PODS, {"metadata": metadata, "spec": {}})

    def run(row: Task) -> None:
        row.job_id, row.state = pod["metadata"]["uid"], TaskState.RUNNING

    parts.tasks.update(task, run)
    assert await end_all(parts, 30) == []
    assert parts.tasks.find(task.id).state is TaskState.STOPPED
    assert [path for path in api.objects if path.startswith(PODS)] == []
