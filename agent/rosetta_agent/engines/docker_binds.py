"""Directories of a task under docker and podman: whose they are, and how the engine is told.

What an image says of its users is copied out of a container that is never started. It has the
name of the task's own, so that whatever removes that one removes this one.
"""

import contextlib
import json
import os
import pwd
import re
from typing import Callable, List, NamedTuple, Optional, Tuple

from rosetta_agent.as_user import groups_of
from rosetta_agent.bind_options import Bind, Owner, home_of
from rosetta_agent.binds import first_owner, prepare
from rosetta_agent.engines.docker_cli import Client, build_remove_command, image_name
from rosetta_agent.engines.failure_causes import engine_failure
from rosetta_agent.engines.image_user import Names, build_names, group_of, parse_user
from rosetta_agent.file_owners import ImageUser, Place, choose_recipe
from rosetta_agent.mounts import Mounts
from rosetta_agent.processes import CommandResult
from rosetta_agent.sandbox import Sandbox, disk_full_is_a_failure, remove_path
from rosetta_agent.spec import AgentSpec, Attempt

#: Longer files are not read; passwd(5) of images has a few hundred bytes.
_MAX_NAMES = 1 << 20
_ROOT_DIR = re.compile(r"/([0-9]+)\.([0-9]+)\Z")

Ask = Callable[[List[str]], CommandResult]


class Bound(NamedTuple):
    """The spec with binds as the engine is given them, and the options that go with it."""

    spec: AgentSpec
    options: Tuple[str, ...]


class DockerBinds:
    """Prepares the binds of one attempt."""

    def __init__(
        self, attempt: Attempt, sandbox: Sandbox, client: Client, ask: Ask, title: str
    ) -> None:
        self._attempt = attempt
        self._sandbox = sandbox
        self._client = client
        self._ask = ask
        self._title = title

    def prepare(self, spec: AgentSpec, place: Place, labels: Tuple[str, ...]) -> Bound:
        """Choose the recipe, and have all binds ready; ``labels`` are the container's.

        Raises:
            TaskFailure: see binds.prepare.
        """
        names = self._copy_names(spec, labels)
        owner = first_owner(spec.binds, place)
        groups = groups_of(owner) if owner is not None else []
        recipe = choose_recipe(place, self._image_user(spec, names), owner, groups)
        binds = prepare(spec.binds, place, recipe, Mounts(self._attempt))
        home = home_of(spec.binds)
        if recipe.names:
            binds += self._name_files(names, recipe.writes, home)
        environment = dict(spec.environment, HOME=home.target) if home else spec.environment
        hardening = spec.hardening
        if "--user" in recipe.options:
            hardening = hardening._replace(user=None)
        return Bound(
            spec._replace(binds=binds, environment=environment, hardening=hardening),
            recipe.options,
        )

    def _image_user(self, spec: AgentSpec, names: Names) -> ImageUser:
        user_text = spec.hardening.user
        result = self._ask(build_user_command(self._client, spec))
        user = parse_user(user_text or parse_image_user(result.output), names)
        becomes = None
        if user.uid == 0 and spec.home_user:
            becomes = Owner(spec.home_user, group_of(spec.home_user, names))
        return ImageUser(user, becomes, spec.any_user and not user_text)

    def _copy_names(self, spec: AgentSpec, labels: Tuple[str, ...]) -> Names:
        result = self._ask(build_create_command(self._client, spec, labels))
        if result.status != 0:
            raise engine_failure(self._title, image_name(spec.image), result.errors)
        try:
            return Names(self._copy("passwd"), self._copy("group"))
        finally:
            self._ask(build_remove_command(self._client, self._attempt.name))

    def _copy(self, name: str) -> str:
        """A file of /etc in the image; empty where it has none, or a link."""
        path = self._sandbox.file("image-" + name)
        remove_path(path)
        source = "{}:/etc/{}".format(self._attempt.name, name)
        self._ask(self._client.argv + ["cp", source, path])
        with contextlib.suppress(OSError):
            # A link would be one of this machine here: it may lead to any file.
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(descriptor, encoding="utf-8", errors="surrogateescape") as file:
                return file.read(_MAX_NAMES)
        return ""

    def _name_files(self, names: Names, user: Owner, home: Optional[Bind]) -> Tuple[Bind, ...]:
        complete = build_names(names, user, account_name(user.uid), home.target if home else None)
        binds = []
        for name, text in (("passwd", complete.passwd), ("group", complete.group)):
            path = self._sandbox.file(name)
            remove_path(path)
            with disk_full_is_a_failure():
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
                    os.fchmod(file.fileno(), 0o644)  # read by the container's user
                    file.write(text)
            binds.append(Bind(path, "/etc/" + name, True))
        return tuple(binds)


def account_name(uid: int) -> str:
    """The name of a user of this machine; empty where nobody has the number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def build_create_command(client: Client, spec: AgentSpec, labels: Tuple[str, ...]) -> List[str]:
    """Make a container of the image that is never started."""
    argv = client.argv + ["create", "--name", spec.attempt.name, "--pull", "never"]
    argv += ["--label", "rosetta.task={}".format(spec.attempt.task)]
    argv += list(labels)
    argv += ["--platform", spec.image.platform] if spec.image.platform else []
    return argv + [image_name(spec.image), "/"]


def build_user_command(client: Client, spec: AgentSpec) -> List[str]:
    """Ask as whom the image runs."""
    form = "{{json .Config.User}}"
    return client.argv + ["image", "inspect", "--format", form, image_name(spec.image)]


def parse_image_user(text: str) -> str:
    """The answer to build_user_command; empty is root."""
    try:
        user = json.loads(text)
    except ValueError:
        return ""
    return user if isinstance(user, str) else ""


def build_info_command(client: Client) -> List[str]:
    """Ask a daemon for its security options, and where its files are."""
    return client.argv + ["info", "--format", "{{json .SecurityOptions}} {{.DockerRootDir}}"]


def parse_first_ids(text: str) -> Owner:
    """Which user and group root of a container is on the disk (dockerd(8), --userns-remap)."""
    options, _space, folder = text.strip().rpartition(" ")
    match = _ROOT_DIR.search(folder)
    if "name=userns" not in options or match is None:
        return Owner(0, 0)
    return Owner(int(match.group(1)), int(match.group(2)))
