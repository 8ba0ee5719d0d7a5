"""Whose the files of tasks are on a resource: the agent on its node has a task write some."""

from typing import Any

from rosetta_hub.agents.binds import build_binds, check_binds
from rosetta_hub.catalogue.bound_storages import BoundStorage, resolve_storages
from rosetta_hub.catalogue.computing_conf import DockerApiConf
from rosetta_hub.check.context import CheckFailed, CheckSkipped, Context, find_user
from rosetta_hub.database.models import Task
from rosetta_hub.errors import StorageRefused

_ADVICE = (
    "See 'Whose files are they?' in docs/storages.md: what this engine can do for the user that the"
    " image runs as, and what the directory has to allow."
)


def bound_storages(context: Context) -> list[BoundStorage]:
    """What a task of the context's user and software gets bound, unless it is refused at once."""
    return _sort_out(context)[0]


async def check_task_files(context: Context) -> str:
    """Tasks write into the storages, and the files belong to whom they should."""
    storages, faults = _sort_out(context)
    if not (storages or faults):
        raise CheckSkipped("tasks have no storages here, or no configured software runs here")
    if isinstance(context.computing.conf, DockerApiConf):
        raise CheckSkipped("nothing of the hub is on the Docker host to look at files")
    findings = await context.find("storages") if storages else []
    if findings is None:
        raise CheckSkipped("the probe has found nothing about it")
    lines: list[str] = []
    for storage, finding, owner in zip(storages, findings, _owners(context, storages), strict=True):
        text, is_good = _describe(storage, finding, owner)
        (lines if is_good else faults).append(text)
    if faults:
        raise CheckFailed("; ".join((*faults, *lines)), _ADVICE)
    return "; ".join(lines)


def _sort_out(context: Context) -> tuple[list[BoundStorage], list[str]]:
    """What tasks get bound, and why they can't have the rest."""
    bound: list[BoundStorage] = []
    refusals: list[str] = []
    for storage in _storages(context):
        try:
            check_binds([storage], context.user, context.computing)
        except StorageRefused as error:
            refusals.append(str(error))
        else:
            bound.append(storage)
    return bound, refusals


def _storages(context: Context) -> list[BoundStorage]:
    computing, software = context.computing, context.software
    catalogue = context.settings.catalogue()
    if software is None:
        return []
    user = find_user(context.user, catalogue)
    return list(
        resolve_storages(catalogue.storages_for(user, computing.id), (), (), software, computing)
    )


def _owners(context: Context, storages: list[BoundStorage]) -> list[int | None]:
    """The uids that files have to have; None where they are those of the agent's account."""
    task = Task(
        user=context.user,
        remote_user=context.account,
        storages=[storage.model_dump(mode="json") for storage in storages],
    )
    binds = build_binds(task, context.computing)
    return [bind["owner"]["uid"] if bind["owner"] else None for bind in binds]


def _describe(
    storage: BoundStorage, finding: dict[str, Any], owner: int | None
) -> tuple[str, bool]:
    """What was found about a storage, and whether it is as it should be."""
    if "error" in finding:
        return f"{storage.name}: {finding['error']}", False
    if "uid" not in finding:
        return f"{storage.name} can be read at {finding['target']}", True
    actual = finding.get("owner") or f"uid {finding['uid']}"
    text = f"{storage.name}: files belong to {actual}, mode {finding['mode']:04o}"
    if owner is not None and finding["uid"] != owner:
        return f"{text}, instead of uid {owner}", False
    return text, True
