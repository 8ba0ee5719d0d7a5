"""What the agent is told for a check: the order of a task that is never served.

The other side is agent/rosetta_agent/check/check_spec.py.
"""

import secrets
from typing import Any

from rosetta_hub.agents.spec import LaunchContext, build_agent_spec
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.computing_conf import RemoteConf
from rosetta_hub.catalogue.software import Software
from rosetta_hub.check.context import Context
from rosetta_hub.check.node import agents_url
from rosetta_hub.check.task_files import bound_storages
from rosetta_hub.database.models import Task
from rosetta_hub.resources.local import local_setting
from rosetta_hub.resources.remote import RemoteResource

# Seconds: a pull may take its time; the node waits for the hub to have read everything.
PULL_TIMEOUT = 900
LINGER = 60

# Where no software of the catalogue runs, no image is looked at.
_NO_SOFTWARE = Software(name="none", image_name="none", pull="never")


def build_spec(context: Context) -> dict[str, Any]:
    """The order: that of a task with the software of the context, and what to look at."""
    computing, settings = context.computing, context.settings
    word = secrets.token_hex(8)
    task = _task(context, f"check-{word}")
    job = build_agent_spec(
        task, computing, settings, settings.keys(), _launch_context(context, task)
    )
    urls = {"service": f"{agents_url(context)}{settings.service_prefix}health"}
    if computing.tunnel == "reverse" and settings.tunnels_url:
        urls["tunnels"] = str(settings.tunnels_url)
    check = {
        "engines": [engine.name for engine in computing.container_engines],
        "image": context.software is not None,
        "urls": urls,
        "listen": "tcp" if _listens(computing) else "unix",
        "token": secrets.token_hex(16),
        "result": f".rosetta-check-{word}",
        "pull_timeout": PULL_TIMEOUT,
        "linger": LINGER,
    }
    return {**job, "check": check}


def _task(context: Context, name: str) -> Task:
    computing, software = context.computing, context.software or _NO_SOFTWARE
    engine = (computing.engines_for(software) or computing.container_engines)[0]
    return Task(
        id=name,
        attempt=1,
        user=context.user,
        remote_user=context.account,
        software=software.model_dump(mode="json"),
        engine=engine.name,
        runtime=engine.runtimes[0] if engine.runtimes else None,
        cpus=computing.default_cpus,
        memory=computing.default_memory,
        request={},
        storages=[storage.model_dump(mode="json") for storage in bound_storages(context)],
    )


def _launch_context(context: Context, task: Task) -> LaunchContext:
    computing, settings = context.computing, context.settings
    if not isinstance(computing.conf, RemoteConf):
        return local_setting(computing, settings)
    remote = RemoteResource(computing, settings, settings.keys())
    # The node fills in the number of its user.
    return remote.context(task, computing.work_dir("{uid}"), _listens(computing))


def _listens(computing: Computing) -> bool:
    return computing.has_queue or computing.tunnel == "direct"
