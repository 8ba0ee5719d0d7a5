"""The job that an agent is started with: a JSON document on its standard input.

The other side is agent/rosetta_agent/spec.py.
"""

from dataclasses import dataclass
from typing import Any

from rosetta_agent.protocol import VERSION
from rosetta_hub.agents.binds import build_binds
from rosetta_hub.agents.credentials import task_environment
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.software import Software
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task
from rosetta_hub.keys import Keys


@dataclass(frozen=True)
class LaunchContext:
    """What an agent needs to know of the place where it runs.

    `listen` and `dial` are the tunnels that need the agent's help, `engine_host` is a Docker
    engine on another machine, `wms` the batch system whose job it is; None where there is none.
    """

    work_dir: str
    agents_url: str
    listen: dict[str, Any] | None = None
    dial: dict[str, Any] | None = None
    engine_host: dict[str, str] | None = None
    report_ca: str | None = None
    image_dir: str | None = None
    image_dir_size: int | None = None
    wms: str | None = None


def software_of(task: Task) -> Software:
    """The software as it was in the catalogue when the attempt began."""
    return Software.model_validate(task.software)


def build_agent_spec(
    task: Task, computing: Computing, settings: Rosetta, keys: Keys, context: LaunchContext
) -> dict[str, Any]:
    """Everything the agent of this attempt has to know, its secret included.

    Units: memory in bytes, cpus in cores, timeouts and heartbeat in seconds.

    Raises:
        StorageRefused: see `build_binds`.
        ResourceUnavailable: see `task_environment`.
    """
    software = software_of(task)
    service = f"{context.agents_url}{settings.service_prefix}"
    return {
        "version": VERSION,
        "task": task.id,
        "attempt": task.attempt,
        "secret": keys.agent_secret(task.id, task.attempt),
        "report_url": f"{service}agents/{task.id}/{task.attempt}",
        "report_ca": context.report_ca,
        "work_dir": context.work_dir,
        "path": list(computing.conf.path),
        "engine": task.engine,
        "engine_options": list(computing.conf.engine_options.get(task.engine, ())),
        "engine_host": context.engine_host,
        "runtime": task.runtime,
        "image": {**_image(software, computing, context), "shared": is_of_site(task, settings)},
        "gpus": task.request.get("gpus") or None,
        "listen": context.listen,
        "dial": context.dial,
        "batch": {"wms": context.wms} if context.wms else None,
        "interface": _interface(software),
        "interfaces": [
            {"port": further.port, "protocol": further.protocol, "path": further.path}
            for further in software.interfaces
        ],
        "environment": task_environment(task, software, keys),
        "pass_variables": list(getattr(computing.conf, "pass_variables", ())),
        "command": list(software.command) or None,
        "limits": {
            "cpus": task.cpus,
            "memory": task.memory,
            "pids": software.pids,
            "disk": computing.disk_limit,
        },
        "hardening": _hardening(software),
        "binds": build_binds(task, computing),
        "any_user": software.any_user,
        "home_user": software.home_user,
        "timeouts": {
            "answer": software.answer_timeout,
            "stop": settings.stop_timeout,
            "unanswered": settings.unanswered_timeout,
        },
        "heartbeat": settings.heartbeat_interval,
    }


def build_stop_spec(
    task: Task, computing: Computing, settings: Rosetta, context: LaunchContext
) -> dict[str, Any]:
    """What the agent has to know to end an attempt, whether or not its own agent still lives."""
    return {
        "version": VERSION,
        "task": task.id,
        "attempt": task.attempt,
        "work_dir": context.work_dir,
        "path": list(computing.conf.path),
        "engine": task.engine,
        "engine_options": list(computing.conf.engine_options.get(task.engine, ())),
        "engine_host": context.engine_host,
        "stop": settings.stop_timeout,
    }


def _interface(software: Software) -> dict[str, Any]:
    return {
        "port": software.interface_port,
        "protocol": software.interface_protocol,
        "custom_port": software.supports_custom_interface_port,
        "path": software.interface_path,
    }


def _image(software: Software, computing: Computing, context: LaunchContext) -> dict[str, Any]:
    platform = f"{software.image_os}/{software.image_arch}" if software.image_arch else None
    return {
        "reference": software.image,
        "digest": software.image_digest,
        "pull": software.pull,
        "platform": platform,
        "cache": context.image_dir,
        "cache_size": context.image_dir_size,
        "proxy": computing.conf.pull_proxy or None,
        # The account at the registry is asked for just before the pull, and is nowhere before.
        "credential": not software.is_file,
    }


def is_of_site(task: Task, settings: Rosetta) -> bool:
    """Whether the administrator decides who may run the task's image; otherwise its registry."""
    return any(family == task.family for family in settings.catalogue().software)


def _hardening(software: Software) -> dict[str, Any]:
    return {
        "no_new_privileges": not software.new_privileges,
        "drop_capabilities": ["NET_RAW"],
        "add_capabilities": list(software.add_capabilities),
        "read_only": software.read_only_root,
        "user": software.container_user,
    }
