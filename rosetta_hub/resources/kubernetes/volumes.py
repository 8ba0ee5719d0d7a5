"""Storages of a task as volumes of its pod, and as whom the pod runs. Pure.

Files of a storage have to be one user's, whichever image writes them. A node maps no users, so
the container runs as the owner of the storages that it may write to, or not at all.
"""

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rosetta_hub.catalogue.bound_storages import BoundStorage
from rosetta_hub.catalogue.owners import Owner, other_groups, pod_owner
from rosetta_hub.catalogue.software import Software
from rosetta_hub.database.models import Task
from rosetta_hub.errors import StorageRefused
from rosetta_hub.resources.wms import JobRefused

Document = dict[str, Any]

# The container that makes the directories of storages with `create`, and its program.
MAKER = "make-directories"
_MAKE = """
import os, sys
for path in sys.argv[1:]:
    if not os.path.isdir(path):
        os.mkdir(path, 0o700)
"""
_ROOT = "/storages"


@dataclass(frozen=True)
class Place:
    """What a volume shows: a claim of the namespace, or a directory of the nodes."""

    claim: str
    host_path: str = ""

    def to_volume(self, name: str, read_only: bool) -> Document:
        """The volume of a pod."""
        if self.claim:
            claim = {"claimName": self.claim, "readOnly": read_only}
            return {"name": name, "persistentVolumeClaim": claim}
        # One that is missing is not made: its file server may not be mounted.
        return {"name": name, "hostPath": {"path": self.host_path, "type": "Directory"}}


@dataclass(frozen=True)
class Mount:
    """A storage in a pod; `sub_path` is below the root of its place, or empty."""

    place: Place
    sub_path: str
    target: str
    read_only: bool
    create: bool

    def to_document(self, volume: str) -> Document:
        """The mount of the task's container."""
        document: Document = {"name": volume, "mountPath": self.target}
        if self.read_only:
            document["readOnly"] = True
        if self.sub_path:
            document["subPath"] = self.sub_path
        return document


@dataclass(frozen=True)
class Storages:
    """All that a pod gets for the storages of its task."""

    mounts: tuple[Mount, ...] = ()
    owner: Owner | None = None
    """As whom its containers run; None: as their images say."""
    groups: tuple[int, ...] = ()
    """Further groups of the owner."""

    @property
    def volumes(self) -> dict[Place, str]:
        """The names of the volumes: one for each place, because no node mounts a claim twice."""
        places = dict.fromkeys(mount.place for mount in self.mounts)
        return {place: f"storage-{number}" for number, place in enumerate(places)}

    @property
    def is_read_only(self) -> frozenset[Place]:
        """The places that nothing of the pod writes to."""
        writable = {mount.place for mount in self.mounts if not mount.read_only}
        return frozenset(self.volumes.keys() - writable)


def find_storages(task: Task, software: Software) -> Storages:
    """What the pod of a task gets.

    Raises:
        JobRefused: the software can't run as the owner of the files, or there are several owners.
    """
    bound = [BoundStorage.model_validate(stored) for stored in task.storages]
    try:
        owner, is_account = _find_owner(bound, task.user)
        mounts = tuple(_mount(storage, task.user) for storage in bound)
    except StorageRefused as error:
        raise JobRefused(str(error)) from error
    if owner is not None:
        _check_user(software, owner)
    groups = other_groups(task.user, owner) if owner is not None and is_account else ()
    return Storages(mounts, owner, groups)


def home_environment(task: Task) -> dict[str, str]:
    """The variable that says where the task has its home, if a storage is one."""
    bound = (BoundStorage.model_validate(stored) for stored in task.storages)
    home = next((storage.target for storage in bound if storage.home), None)
    return {} if home is None else {"HOME": home}


def add_storages(spec: Document, storages: Storages, image: str | None) -> None:
    """Add volumes, mounts and users to the spec of a pod, whose first container is the task's.

    `image` has Python, and makes directories.
    """
    if not storages.mounts:
        return
    container, volumes = spec["containers"][0], storages.volumes
    spec.setdefault("volumes", []).extend(
        place.to_volume(name, place in storages.is_read_only) for place, name in volumes.items()
    )
    container.setdefault("volumeMounts", []).extend(
        mount.to_document(volumes[mount.place]) for mount in storages.mounts
    )
    if storages.owner is None:
        return
    container["securityContext"] |= _user(storages.owner)
    spec["securityContext"] |= build_groups(storages.owner, storages.groups)
    if image is not None and any(mount.create for mount in storages.mounts):
        spec["initContainers"] = [_build_maker(storages, storages.owner, image)]


def build_groups(owner: Owner, groups: Iterable[int] = ()) -> Document:
    """The groups of a pod, and no others. Volumes of claims are given the owner's.

    So the owner can write to new ones. On large volumes the files are looked at only where the top
    directory is another group's. Clusters that don't know the policy (before 1.33) ignore it.
    """
    document: Document = {
        "fsGroup": owner.gid,
        "fsGroupChangePolicy": "OnRootMismatch",
        # Otherwise the owner is in all groups that a file of the image, `/etc/group`, puts it into.
        "supplementalGroupsPolicy": "Strict",
    }
    more = list(groups)
    return {**document, "supplementalGroups": more} if more else document


def _user(owner: Owner) -> Document:
    return {"runAsUser": owner.uid, "runAsGroup": owner.gid}


def _find_owner(bound: list[BoundStorage], user: str) -> tuple[Owner | None, bool]:
    """Whose the files are that the task may write, and whether it is an account of this machine."""
    owners = {
        owner: storage
        for storage in bound
        if not storage.read_only and storage.within is None
        if (owner := pod_owner(storage.owner, user)) is not None
    }
    if len(owners) > 1:
        names = " and ".join(storage.name for storage in owners.values())
        raise StorageRefused(
            f"{names} belong to different users, and a pod runs as one of them. Leave one out."
        )
    if not owners and any(storage.within is not None for storage in bound):
        raise StorageRefused(
            "Directories of your own can be used with your home only, which says whose they are."
            " Start the task with a home, or without them."
        )
    owner = next(iter(owners), None)
    return owner, owner is not None and owners[owner].owner == "system"


def _check_user(software: Software, owner: Owner) -> None:
    user = (software.container_user or "").partition(":")[0]
    if user == str(owner.uid) or (software.any_user and not user):
        return
    raise JobRefused(
        f"Files of the task's storages belong to user {owner.uid}, and nothing is known of whether"
        " this software runs as that user. Start it without these storages, or ask the"
        " administrator: 'any_user' or 'container_user' of the software says so."
    )


def _mount(storage: BoundStorage, user: str) -> Mount:
    claim, path, below = storage.claim_of(user), storage.path(user, None), ""
    place = Place(claim, "" if claim else path)
    if claim:
        below = path.strip("/")
    elif storage.within is not None and path != storage.within:
        # Below a volume's root, a node follows no link out of it.
        place, below = Place("", storage.within), posixpath.relpath(path, storage.within)
    return Mount(place, below, storage.target, storage.read_only, storage.create)


def _build_maker(storages: Storages, owner: Owner, image: str) -> Document:
    """A container that runs before the task's, with the claims as a whole."""
    mounts = [mount for mount in storages.mounts if mount.create]
    names = {mount.place: storages.volumes[mount.place] for mount in mounts}
    paths = [f"{_ROOT}/{names[mount.place]}/{mount.sub_path}" for mount in mounts]
    return {
        "name": MAKER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-I", "-S", "-B", "-c", _MAKE, *paths],
        # What it says at its end becomes part of the pod's state.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": build_amounts(),
        "securityContext": build_hardening(owner),
        "volumeMounts": [{"name": name, "mountPath": f"{_ROOT}/{name}"} for name in names.values()],
    }


def build_amounts() -> Document:
    """What a container of the hub's own takes."""
    return {
        "requests": {"cpu": "50m", "memory": "64Mi"},
        "limits": {"cpu": "1", "memory": "256Mi"},
    }


def build_hardening(owner: Owner) -> Document:
    """How a container of the hub's own runs."""
    return {
        **_user(owner),
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
