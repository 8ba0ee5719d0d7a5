"""Users' own accounts of registries: secrets with which nodes pull the image of one task."""

import base64
import json
from typing import Any

import pytest

from rosetta_hub.database.models import Task
from rosetta_hub.errors import HubUnavailable
from rosetta_hub.resources.kubernetes.pull_secrets import (
    add_pull_secret,
    build_pull_secret,
    has_pull_secret,
)
from rosetta_hub.resources.kubernetes.reports import build_report, needs_pull_secret
from rosetta_hub.resources.wms import JobRefused, NotSubmitted

from .bench import PODS, SECRETS, Bench
from .fake_api import failure
from .objects import event, pod, running, waiting
from .test_reports import PULL

Document = dict[str, Any]
ACCOUNT: Document = {"host": "registry.example.org:5000", "account": "alice", "password": "s3:cret"}
REFUSED = PULL.format(code="Unknown", text="failed with status code: 401 Unauthorized")


async def find(task: Task) -> Document:
    """The account of the user of the task."""
    assert task.user == "alice"
    return ACCOUNT


def read_config(secret: Document) -> Document:
    """What a node reads."""
    assert secret["type"] == "kubernetes.io/dockerconfigjson"
    config: Document = json.loads(secret["stringData"][".dockerconfigjson"])
    return config


def test_the_secret_is_of_this_pod_and_this_registry_alone() -> None:
    document = pod()
    secret = build_pull_secret(document, ACCOUNT)
    (owner,) = secret["metadata"]["ownerReferences"]
    assert owner["uid"] == document["metadata"]["uid"]
    entry = {"auth": base64.b64encode(b"alice:s3:cret").decode()}
    assert read_config(secret) == {"auths": {"registry.example.org:5000": entry}}


def test_docker_hub_has_two_names() -> None:
    config = read_config(build_pull_secret(pod(), {**ACCOUNT, "host": "docker.io"}))
    assert [*config["auths"]] == ["docker.io", "https://index.docker.io/v1/"]


def test_a_users_account_goes_before_those_of_the_site() -> None:
    document = pod(imagePullSecrets=[{"name": "site"}])
    assert not has_pull_secret(document)
    add_pull_secret(document)
    names = [pull_secret["name"] for pull_secret in document["spec"]["imagePullSecrets"]]
    assert names == [f"{document['metadata']['name']}-pull", "site"]
    assert has_pull_secret(document)


async def test_a_user_with_an_account_pulls_with_it(bench: Bench) -> None:
    bench.queue.submission.find_registry_access = find
    document = bench.pod(await bench.submit(bench.start()))
    assert has_pull_secret(document)
    secret = bench.api.objects[f"{SECRETS}/{document['metadata']['name']}-pull"]
    assert [*read_config(secret)["auths"]] == ["registry.example.org:5000"]
    # The node looks for it first: it is created before the secret with the variables.
    assert [method for method, _ in bench.api.asked] == ["GET", "POST", "POST", "POST"]
    assert bench.api.asked[1][1] == PODS


async def test_without_an_account_there_is_no_such_secret(bench: Bench) -> None:
    document = bench.pod(await bench.submit(bench.start()))
    assert not has_pull_secret(document)
    assert [key for key in bench.api.objects if key.endswith("-pull")] == []


async def test_a_hub_that_does_not_answer_is_asked_again(bench: Bench) -> None:
    async def fail(task: Task) -> Document:
        raise HubUnavailable("JupyterHub does not answer.")

    bench.queue.submission.find_registry_access = fail
    with pytest.raises(NotSubmitted, match="JupyterHub"):
        await bench.queue.submit(bench.start())
    assert bench.api.objects == {}


async def test_a_pod_without_its_account_is_not_left(bench: Bench) -> None:
    def refuse(method: str, path: str) -> tuple[int, Document] | None:
        return failure(403, "Forbidden", "secrets is forbidden") if path == SECRETS else None

    bench.queue.submission.find_registry_access = find
    bench.api.refuse = refuse
    with pytest.raises(JobRefused, match="secrets"):
        await bench.queue.submit(bench.start())
    assert bench.api.objects == {}


async def test_a_secret_that_is_missing_is_created_before_the_next_try(
    bench: Bench, answers: list[bool]
) -> None:
    bench.queue.submission.find_registry_access = find
    task = await bench.submit(bench.start())
    key = f"{SECRETS}/{bench.queue.job_name(task)}-pull"
    # The service ended between the two requests.
    del bench.api.objects[key]
    await bench.report(task, **waiting("ErrImagePull", REFUSED))
    assert key in bench.api.objects


def test_a_refusal_is_believed_at_the_second_try() -> None:
    """A node that looks before the secret is there pulls without an account."""
    document = pod(waiting("ImagePullBackOff", "Back-off pulling image"))
    add_pull_secret(document)
    assert needs_pull_secret(document)
    report = build_report(document, [event("Failed", REFUSED, count=1)], False)
    assert report is not None
    assert (report.state, "trying again" in report.message) == ("pulling", True)
    report = build_report(document, [event("Failed", REFUSED, count=2)], False)
    assert report is not None
    assert (report.state, report.reason) == ("failed", "registry_denied")


def test_a_pod_that_needs_no_account_gets_none() -> None:
    assert not needs_pull_secret(pod(waiting("ErrImagePull", REFUSED)))
    document = pod(running())
    add_pull_secret(document)
    assert not needs_pull_secret(document)


def test_the_password_is_in_the_secret_alone() -> None:
    document = pod()
    add_pull_secret(document)
    assert "s3:cret" not in json.dumps(document)
