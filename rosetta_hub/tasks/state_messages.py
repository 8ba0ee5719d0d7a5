"""What a task's state means, as messages a user understands."""

import re

from rosetta_hub.catalogue.software import is_image_file
from rosetta_hub.catalogue.units import format_size
from rosetta_hub.database.models import DesiredState, Task, TaskState
from rosetta_hub.tasks.liveness import is_suspended
from rosetta_hub.tasks.report import CLOCK_WARNING, MOVED_WARNING
from rosetta_hub.tasks.task_urls import has_tunnel

_FAILURES = {
    "image_not_found": "The image {image} does not exist, or it may not be read."
    " Choose another version, or tell the administrator.",
    "registry_unreachable": "The registry of the image {image} can't be reached."
    " Start the task again later.",
    "registry_denied": "The registry did not accept the account for the image {image}: its password"
    " may have changed, or it may not pull this image. Mend your account for the registry under"
    " 'Account'; if you have none there, tell the administrator.",
    "registry_login": "The image {image} is private, or there is no such image. If you may pull it,"
    " add your account for its registry under 'Account', and start the task again.",
    "registry_limit": "The registry of the image {image} limits how much may be pulled, and the"
    " limit is reached. Start the task again later; an account of yours for the registry, under"
    " 'Account', may have a higher one.",
    "engine_unavailable": "The container engine {engine} does not answer on {computing}."
    " Start the task again later, or choose another engine.",
    "disk_full": "The disk of {machine} is full{directory}. Free some space, or tell the"
    " administrator.",
    "out_of_memory": "The task needed more than its memory ({memory}) and was ended."
    " Start it again with more memory.",
    "out_of_disk": "The task wrote more to the disk of its node than it may, and was ended."
    " {detail} Start it again, and keep large files in a storage.",
    "no_answer": "The software did not open its port {port} within {timeout} seconds."
    " The log may tell why.",
    "wrong_protocol": "The software can't be opened: {detail}"
    " The administrator has to set its 'interface_protocol'.",
    "port_in_use": "The port {port} that this software needs is taken on {computing}."
    " Start the task again later, or on another computing resource.",
    "unsupported": "{computing} can't run this task: {detail}",
    "unanswered": "The task was ended because its computing resource could not reach the hub"
    " for too long.",
    "time_limit": "The job reached its time limit on {computing}."
    " Start the task again with more time.",
    "preempted": "{computing} ended the job for one of higher priority."
    " Start the task again later.",
    "node_failure": "A node of {computing} failed, and the job with it. Start the task again.",
    "evicted": "{computing} removed the task from its node, for maintenance or because the node ran"
    " short of room. Start the task again. {detail}",
    "cancelled": "The job was cancelled on {computing}.",
    "namespace_deleted": "The task ended because its namespace {detail} was deleted on {computing},"
    " or the hub's account there. Tell the administrator.",
    "quota_exceeded": "Your quota on {computing} is used up. Free some space there.",
    "storage_missing": "A storage of the task is not there on {computing}. {detail} Tell the"
    " administrator, or start the task without this storage.",
    "storage_denied": "You may not use a storage of the task on {computing}. {detail} Ask for"
    " access, or start the task without this storage.",
    "storage_outside": "A directory of the task may not be bound on {computing}. {detail} Choose"
    " another directory.",
    "storage_owner": "The task could not use the files of a storage on {computing}. {detail} Choose"
    " another engine or software, or start the task without this storage.",
    "storage_full": "There is no room in a storage of the task on {computing}. {detail} Remove some"
    " files, or start the task without this storage.",
    "storage_read_only": "The task can't write to a storage on {computing}. {detail} Tell the"
    " administrator, or start the task without this storage.",
    "storage_unavailable": "A storage of the task can't be used on {computing}. {detail} Start the"
    " task again later, or without this storage.",
    "internal": "Something went wrong inside Rosetta Hub: {detail}",
    "refused": "{computing} refused the task: {detail}",
    "job_lost": "{computing} does not know the task's job any more; somebody may have removed it.",
    "host_restarted": "{computing} was restarted, which ended the task. Start it again.",
    "job_ended": "The task's job ended before its container did ({detail}).",
    "ports_exhausted": "All ports for tasks are in use. Stop a task that you no longer need,"
    " or try again later.",
    "storage_refused": "The task can't have its storages on {computing}. {detail}",
    "input_failed": "An input could not be fetched. {detail} What has arrived is kept: mend it, and"
    " start the task again.",
    "configuration": "The configuration has changed: {detail}",
}

WARNINGS = {
    "no_outbound": "The task can't connect to other machines: neither slirp4netns nor pasta is"
    " installed on its computing resource.",
    "neighbours_can_connect": "Other users of the computing resource can connect to this task's"
    " port: nothing keeps its network apart from theirs.",
    "no_network_isolation": "The task shares the network of its computing resource: other users"
    " there can connect to its port.",
    "limits_not_enforced": "The limits of CPUs and memory are not enforced on this computing"
    " resource.",
    "disk_not_limited": "Nothing limits how much this task writes to the disk of its computing"
    " resource: its container engine cannot.",
    "little_room": "There is little room outside of the home directory and /tmp, 64 MB by default:"
    " Singularity can't keep changes of the container's own files on the disk there.",
    "time_limit_near": "The job will soon reach its time limit: save your work.",
}
# Of the service itself.
_OWN_WARNINGS = {
    MOVED_WARNING: "The version's tag names another image now than when it was looked up: this"
    " task runs the present one.",
    CLOCK_WARNING: "The clock of the task's machine is wrong: times inside the task are, too."
    " Tell the administrator.",
}


def message(task: Task, computing_name: str) -> str:
    """What the task is doing now, or why it ended."""
    if task.desired_state is DesiredState.STOP and not task.state.final:
        return "The task is being stopped."
    if task.state is TaskState.QUEUED:
        return _queued(task, computing_name)
    if is_suspended(task):
        return f"Suspended on {computing_name}. It goes on when the scheduler resumes it."
    if task.state is TaskState.STARTING:
        return _starting(task, computing_name)
    if task.state is TaskState.RUNNING:
        more = "" if has_tunnel(task) else "; its connection opens in a moment"
        return f"Running on {computing_name}{more}."
    end = _stopped(task) if task.state is TaskState.STOPPED else _failure(task, computing_name)
    return f"{end} {task.staging}".rstrip()


def warning_messages(task: Task) -> list[str]:
    """The warnings, in words."""
    messages = {**WARNINGS, **_OWN_WARNINGS}
    return [messages[warning] for warning in task.warnings if warning in messages]


def _queued(task: Task, computing_name: str) -> str:
    if task.staging:
        return task.staging
    if task.job_id is None:
        return f"Waiting for {computing_name}."
    if task.job_state is None:
        return f"Submitted to {computing_name}."
    return task.job_reason or f"Starting on {task.node or computing_name}."


def _starting(task: Task, computing_name: str) -> str:
    if task.progress_total and (task.progress_done or 0) >= task.progress_total:
        return f"The image has arrived on {computing_name} and is being unpacked."
    if task.progress_total:
        size, total = format_size(task.progress_done or 0), format_size(task.progress_total)
        return f"Fetching the image to {computing_name}: {size} of {total}."
    return task.message or f"Starting on {computing_name}."


def _stopped(task: Task) -> str:
    if task.desired_state is not DesiredState.STOP:
        return "The software ended by itself."
    if task.reason == "unopened":
        return f"Stopped, because nobody opened the task within {task.detail} of its start."
    if task.reason == "idle":
        return f"Stopped, because nobody used the task for {task.detail}, nor did it compute."
    if task.reason == "too_long":
        return f"Stopped, because such tasks run for {task.detail} at most."
    if task.reason == "not_allowed":
        return "Stopped, because its owner is in no group any more that may use it."
    if task.reason == "stop_at":
        return "Stopped at the time that was chosen for it."
    return "Stopped."


def _failure(task: Task, computing_name: str) -> str:
    if task.reason == "exited":
        code = "" if task.exit_code is None else f" with exit code {task.exit_code}"
        when = "" if task.started else " before its interface answered"
        return f"The software ended{code}{when}. The log may tell why."
    template = _FAILURES.get(task.reason or "", "The task failed. {detail}")
    return template.format(
        image=_image(task),
        engine=task.engine,
        computing=computing_name,
        machine=f"{task.node} ({computing_name})" if task.node else computing_name,
        directory=_directory(task.detail),
        memory=format_size(task.memory) if task.memory else "of the computing resource",
        port=task.software.get("interface_port"),
        timeout=task.software.get("answer_timeout"),
        detail=task.detail,
    ).strip()


def _directory(detail: str) -> str:
    """Of the file that a system's message names; empty where it names none."""
    match = re.search(r"'(/[^']+)/[^/']*'", detail)
    return f": `{match[1]}` has no room" if match else ""


def _image(task: Task) -> str:
    registry, name = (str(task.software.get(key) or "") for key in ("registry", "image_name"))
    if is_image_file(name):
        return name
    return "/".join(filter(None, (registry, name))) + f":{task.software.get('image_tag')}"
