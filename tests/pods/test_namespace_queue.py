"""Tasks as pods of a server in this process: submission, reports, and ends."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rosetta_hub.database.models import TaskState
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.resources.wms import JobRefused, JobState, NotSubmitted
from rosetta_hub.tunnels.routes import KubernetesRoute, Tunnel

from .bench import PODS, SECRETS, Bench
from .fake_api import failure
from .objects import event, running, waiting

Document = dict[str, Any]


async def test_a_task_becomes_a_pod_and_its_variables_a_secret(bench: Bench) -> None:
    task = await bench.submit(bench.start())
    pod = bench.pod(task)
    assert task.job_id == pod["metadata"]["uid"]
    secret = bench.api.objects[f"{SECRETS}/{pod['metadata']['name']}"]
    assert secret["stringData"]["KEY"] == "s3cret"
    # Two requests; the watch tells the rest.
    assert [method for method, _ in bench.api.asked] == ["GET", "POST", "POST"]


async def test_a_submission_whose_answer_was_lost_makes_no_second_pod(bench: Bench) -> None:
    task = bench.start()
    first = await bench.queue.submit(task)
    assert await bench.queue.submit(task) == first
    assert [job.id for job in await bench.queue.find(task)] == [first]


Refusal = tuple[int, str, str]
QUOTA: Refusal = (
    403,
    "Forbidden",
    "exceeded quota: q, requested: pods=1, used: pods=4, limited: pods=4",
)
NO_ACCOUNT: Refusal = (403, "Forbidden", "error looking up service account rosetta/default")
# So an API server answers in the first seconds after its start, too: it reads roles last.
NO_RIGHT: Refusal = (
    403,
    "Forbidden",
    'pods is forbidden: User "rosetta-hub" cannot create resource "pods" in API group "" in the'
    ' namespace "rosetta"',
)


@pytest.mark.parametrize("refusal", [QUOTA, NO_ACCOUNT, NO_RIGHT, (429, "", "slow down")])
async def test_what_passes_by_itself_is_tried_again(bench: Bench, refusal: Refusal) -> None:
    bench.api.refuse = lambda method, path: failure(*refusal) if method == "POST" else None
    with pytest.raises(NotSubmitted):
        await bench.queue.submit(bench.start())


async def test_what_does_not_pass_is_refused_in_the_servers_words(bench: Bench) -> None:
    text = 'pods is forbidden: violates PodSecurity "restricted:latest"'
    bench.api.refuse = lambda method, path: failure(403, "Forbidden", text)
    with pytest.raises(JobRefused, match="PodSecurity"):
        await bench.queue.submit(bench.start())


async def test_a_secret_that_may_not_be_made_yet_is_made_by_the_next_try(bench: Bench) -> None:
    def refuse(method: str, path: str) -> tuple[int, Document] | None:
        return failure(*NO_RIGHT) if path == SECRETS else None

    bench.api.refuse = refuse
    task = bench.start()
    with pytest.raises(NotSubmitted, match="cannot create"):
        await bench.queue.submit(task)
    bench.api.refuse = lambda method, path: None
    assert await bench.queue.submit(task) == bench.pod(task)["metadata"]["uid"]
    assert f"{SECRETS}/{bench.queue.job_name(task)}" in bench.api.objects


async def test_a_pod_is_reported_without_events_that_may_not_be_read(
    bench: Bench, answers: list[bool]
) -> None:
    """As in a namespace that is being deleted, in which roles may go before pods."""
    task = await bench.report(await bench.submit(bench.start()), **running())

    def refuse(method: str, path: str) -> tuple[int, Document] | None:
        return failure(403, "Forbidden", "forbidden") if path.endswith("/events") else None

    bench.api.refuse = refuse
    bench.pod(task)["metadata"]["deletionTimestamp"] = "2026-11-27T10:00:10Z"
    statuses = [{"name": "task", "state": {"terminated": {"exitCode": 143}}}]
    task = await bench.report(task, phase="Failed", containerStatuses=statuses)
    assert (task.state, task.reason) == (TaskState.FAILED, "cancelled")


async def test_events_are_asked_for_by_the_name_of_the_pod(bench: Bench) -> None:
    """Those of the taint manager have no uid; the name is of one attempt alone."""
    task = await bench.submit(bench.start())
    await bench.queue.events(task)
    name = bench.queue.job_name(task)
    selector = f"involvedObject.kind=Pod,involvedObject.name={name}"
    assert bench.api.queries[-1] == {"fieldSelector": selector}


async def test_a_pod_without_its_secret_is_not_left(bench: Bench) -> None:
    def refuse(method: str, path: str) -> tuple[int, Document] | None:
        return failure(403, "Forbidden", "secrets is forbidden") if path == SECRETS else None

    bench.api.refuse = refuse
    with pytest.raises(JobRefused, match="secrets"):
        await bench.queue.submit(bench.start())
    assert bench.api.objects == {}


async def test_from_the_image_to_inside(bench: Bench, answers: list[bool]) -> None:
    task = await bench.submit(bench.start())
    answers[0] = False
    task = await bench.report(task, **waiting("ContainerCreating"))
    assert (task.state, task.message) == (TaskState.STARTING, "Starting on node1.")
    started = running("2999-01-01T00:00:00Z")
    task = await bench.report(task, **started)
    assert task.message == "Waiting until the software answers."
    assert bench.queue.interface_target(task) is None
    answers[0] = True
    task = await bench.report(task, **started)
    assert (task.state, task.interface_kind) == (TaskState.RUNNING, "forward")
    assert bench.queue.interface_target(task) is not None
    # Once it has answered, a busy moment ends nothing.
    answers[0] = False
    assert (await bench.report(task, **started)).state is TaskState.RUNNING


async def test_the_clock_of_a_node_ends_no_task(bench: Bench, answers: list[bool]) -> None:
    answers[0] = False
    started_long_ago = running("1999-01-01T00:00:00Z")
    task = await bench.report(await bench.submit(bench.start()), **started_long_ago)
    assert task.state is TaskState.STARTING
    (since,) = bench.reporter._running_since.values()
    bench.reporter._running_since[task.id, task.attempt, True] = (
        since - task.software["answer_timeout"]
    )
    task = await bench.report(task, **started_long_ago)
    assert (task.state, task.reason) == (TaskState.FAILED, "no_answer")


async def test_the_tunnel_names_the_pod_and_its_uid(bench: Bench) -> None:
    task = bench.start()
    assert bench.queue.tunnel(task) is None
    task = await bench.submit(task)
    tunnel = bench.queue.tunnel(task)
    assert tunnel is not None
    route = tunnel.route
    assert isinstance(route, KubernetesRoute)
    assert (route.pod, route.uid, route.port) == (bench.queue.job_name(task), task.job_id, 8888)
    assert Tunnel.from_document(tunnel.to_document()) == tunnel
    assert str(route.server.token) not in repr(tunnel)


async def test_the_log_is_kept_when_the_software_ends(bench: Bench, answers: list[bool]) -> None:
    lines = ["né\n"] * 50_000
    bench.api.log = [
        (f"2026-11-27T10:00:01.{number:09}Z", line) for number, line in enumerate(lines)
    ]
    task = await bench.report(await bench.submit(bench.start()), **running())
    statuses = [{"name": "task", "state": {"terminated": {"exitCode": 3}}}]
    bench.api.log.append(("2026-11-27T10:00:02.000000000Z", "the end\n"))
    task = await bench.report(task, phase="Failed", containerStatuses=statuses)
    assert (task.state, task.reason, task.exit_code) == (TaskState.FAILED, "exited", 3)
    assert bench.log(task) == "".join(lines) + "the end\n"
    # What is over is removed from the cluster.
    await bench.look()
    assert not [path for path in bench.api.objects if path.startswith(PODS)]


async def test_a_log_that_can_not_be_read_holds_nothing_up(
    bench: Bench, answers: list[bool]
) -> None:
    """The API server answers so where it can't reach the node's kubelet."""

    def refuse(method: str, path: str) -> tuple[int, Document] | None:
        return failure(500, "InternalError", "dial tcp: refused") if path.endswith("/log") else None

    bench.api.refuse = refuse
    task = await bench.report(await bench.submit(bench.start()), **running())
    assert task.state is TaskState.RUNNING


async def test_software_that_takes_its_stop_badly_has_stopped_all_the_same(
    bench: Bench, answers: list[bool]
) -> None:
    task = await bench.report(await bench.submit(bench.start()), **running())
    bench.tasks.request_stop(task)
    statuses = [{"name": "task", "state": {"terminated": {"exitCode": 143}}}]
    task = await bench.report(task, phase="Failed", containerStatuses=statuses)
    assert (task.state, task.reason) == (TaskState.STOPPED, None)


async def test_software_that_ends_in_good_order_has_stopped(
    bench: Bench, answers: list[bool]
) -> None:
    task = await bench.report(await bench.submit(bench.start()), **running())
    statuses = [{"name": "task", "state": {"terminated": {"exitCode": 0}}}]
    task = await bench.report(task, phase="Succeeded", containerStatuses=statuses)
    assert task.state is TaskState.STOPPED


async def test_a_pod_of_nobody_is_removed_and_one_that_is_being_submitted_is_not(
    bench: Bench,
) -> None:
    task = bench.start()
    await bench.queue.submit(task)
    await bench.look()
    assert bench.pod(task)
    bench.tasks.fail(task, "internal")
    await bench.queue.pods._list()
    await bench.look()
    assert not [path for path in bench.api.objects if path.startswith(PODS)]


async def test_a_secret_that_was_not_made_is_made_later(bench: Bench) -> None:
    task = await bench.submit(bench.start())
    name = bench.queue.job_name(task)
    del bench.api.objects[f"{SECRETS}/{name}"]
    message = f'secret "{name}" not found'
    task = await bench.report(task, **waiting("CreateContainerConfigError", message))
    assert f"{SECRETS}/{name}" in bench.api.objects
    assert task.state is TaskState.STARTING


async def test_cancelling_deletes_this_pod_and_no_other(bench: Bench) -> None:
    task = await bench.submit(bench.start())
    (job,) = await bench.queue.find(task)
    await bench.queue.cancel("alice", replace(job, id="another uid"))
    assert bench.pod(task)
    await bench.queue.cancel("alice", job)
    assert await bench.queue.find(task) == []


async def test_a_pod_that_ends_already_is_not_deleted_again(bench: Bench) -> None:
    task = await bench.submit(bench.start())
    bench.pod(task)["metadata"]["deletionTimestamp"] = "2026-11-27T10:00:00Z"
    (job,) = await bench.queue.find(task)
    await bench.queue.cancel("alice", job)
    assert "DELETE" not in [method for method, _ in bench.api.asked]


async def test_how_a_pod_ended_that_is_gone(bench: Bench) -> None:
    task = await bench.submit(bench.start())
    del bench.api.objects[f"{PODS}/{bench.queue.job_name(task)}"]
    assert await bench.queue.end(task) is None
    bench.api.objects["/api/v1/namespaces/rosetta/events/1"] = event("Preempted")
    end = await bench.queue.end(task)
    assert end is not None
    assert end.cause == "preempted"


async def test_no_answer_is_not_an_empty_queue(bench: Bench) -> None:
    task = await bench.submit(bench.start())
    bench.api.refuse = lambda method, path: failure(500, "", "no leader")
    bench.queue.pods._lose("no leader")
    calls: list[Callable[[], Any]] = [
        lambda: bench.queue.jobs([task]),
        lambda: bench.queue.find(task),
        lambda: bench.queue.end(task),
        lambda: bench.look(),
    ]
    for call in calls:
        with pytest.raises(ResourceUnavailable):
            await call()


async def test_rights_that_are_missing_are_not_taken_for_an_end(bench: Bench) -> None:
    task = await bench.submit(bench.start())
    bench.api.refuse = lambda method, path: failure(403, "Forbidden", "pods is forbidden")
    with pytest.raises(ResourceUnavailable, match="forbidden"):
        await bench.queue.find(task)


async def test_jobs_of_this_hub_are_known_by_their_names(bench: Bench) -> None:
    task = await bench.submit(bench.start())
    (job,) = await bench.queue.jobs([task])
    assert (bench.queue.task_of(job), job.state) == ((task.id, 1), JobState.PENDING)
