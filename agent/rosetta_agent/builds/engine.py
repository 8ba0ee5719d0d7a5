"""Builds with podman or docker, and keeps what was built: in an engine, or in a registry."""

import hashlib
import json
import os
import shutil
import subprocess
from typing import Any, Dict, List, Mapping, Sequence

from rosetta_agent.builds.commands import BuildCommand, Store, docker_build, podman, podman_build
from rosetta_agent.builds.errors import BuildError
from rosetta_agent.builds.work_dir import WorkDir, run_root
from rosetta_agent.processes import CommandResult

BASES = "rosetta-bases"
_SECONDS = 120.0
_TRANSFER_SECONDS = 1800.0


def run(command: Sequence[str], seconds: float = _SECONDS) -> CommandResult:
    """Run a command to its end; it ends as well when the build is cut off.

    Raises:
        BuildError: it can't be started, or takes too long.
    """
    try:
        process = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError as error:
        text = "{} is not installed on the builder. Tell the administrator."
        raise BuildError(text.format(command[0]), transient=True) from error
    except subprocess.TimeoutExpired as error:
        text = "{} on the builder does not answer. Try again later."
        raise BuildError(text.format(command[0]), transient=True) from error
    out, err = process.stdout.decode("utf-8", "replace"), process.stderr.decode("utf-8", "replace")
    return CommandResult(process.returncode, out.strip(), err.strip())


def last_line(text: str) -> str:
    """The last line of a program's message."""
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""


def prune_docker(build_id: str) -> None:
    """Remove untagged images of a build that was made with docker."""
    run(["docker", "image", "prune", "--force", "--filter", "label=rosetta.build=" + build_id])


class Bases:
    """The base images, in a store of podman's that builds read: no other image is in it."""

    def __init__(self, directory: str) -> None:
        folder = os.path.join(directory, BASES)
        self.store = Store(os.path.join(folder, "storage"), run_root(short_name(folder)))
        os.makedirs(folder, 0o700, exist_ok=True)
        if os.lstat(folder).st_uid != os.geteuid():
            raise BuildError("{} belongs to another account.".format(folder), transient=True)

    def ensure(self, image: str) -> str:
        """Get a base image as the builder's engines have it, or from its registry; its id.

        Raises:
            BuildError: it is nowhere.
        """
        present = self._id(podman(self.store, None), image)
        for engine, source in (("podman", "containers-storage:"), ("docker", "docker-daemon:")):
            image_id = self._id([engine], image) if shutil.which(engine) else ""
            if image_id and image_id == present:
                return present
            if image_id:
                self._copy(engine, source, image)
                return self._id(podman(self.store, None), image)
        if not present:
            self._check(
                run(podman(self.store, None, "pull", "--quiet", image), _TRANSFER_SECONDS), image
            )
            present = self._id(podman(self.store, None), image)
        return present

    def _copy(self, engine: str, source: str, image: str) -> None:
        if engine == "podman":
            command = podman(None, None, "push", "--quiet", image, self.store.transport + image)
        else:
            command = podman(self.store, None, "pull", "--quiet", source + image)
        self._check(run(command, _TRANSFER_SECONDS), image)

    def _check(self, result: CommandResult, image: str) -> None:
        if result.status != 0:
            text = "The base image {} can't be had: {}. Try again later."
            raise BuildError(text.format(image, last_line(result.errors)), transient=True)

    @staticmethod
    def _id(engine: List[str], image: str) -> str:
        result = run([*engine, "image", "inspect", "--format", "{{.Id}}", image])
        return result.output.split(":")[-1] if result.status == 0 else ""


class PodmanEngine:
    """Builds in a store of the build's own, on its volume; what it made is copied out of it."""

    def __init__(self, request: Mapping[str, Any], work: WorkDir, bases: Bases) -> None:
        self._request = request
        self._work = work
        self._bases = bases
        self._store = Store(work.path("storage"), work.run_root)

    def command(self, build: BuildCommand, confined: bool) -> List[str]:
        """The command that builds."""
        return podman_build(build, self._store, self._bases.store.root, confined)

    def environment(self) -> Dict[str, str]:
        """Variables of that command."""
        return {"TMPDIR": self._work.path("tmp"), "STORAGE_OPTS": ""}

    def keep(self, tag: str) -> Dict[str, Any]:
        """Copy the image to the engine that runs tasks, or to the registry.

        Raises:
            BuildError: it is not accepted there.
        """
        if self._request["push"]:
            return self._push(tag)
        if self._request["keep_in"] == "docker":
            target = "docker-daemon:" + tag
        else:
            target = _main_store().transport + tag
        command = podman(self._store, self._bases.store.root, "push", "--quiet", tag, target)
        _check_kept(run(command, _TRANSFER_SECONDS))
        return describe(self._request["keep_in"], tag)

    def _push(self, tag: str) -> Dict[str, Any]:
        push = self._request["push"]
        digest = self._work.path("digest")
        command = podman(self._store, self._bases.store.root, "push", "--quiet")
        command += ["--digestfile", digest]
        if push["plain_http"]:
            command.append("--tls-verify=false")
        folder = _private_folder(self._work.path("registry"))
        if push["ca"]:
            _write(os.path.join(folder, "ca.crt"), push["ca"])
            command += ["--cert-dir", folder]
        if push["auth"]:
            _write(os.path.join(folder, "auth.json"), json.dumps({"auths": push["auth"]}))
            command += ["--authfile", os.path.join(folder, "auth.json")]
        try:
            _check_kept(run([*command, tag, "docker://" + tag], _TRANSFER_SECONDS))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        with open(digest, encoding="ascii") as file:
            return dict(self._size(tag), image=tag, digest=file.read().strip())

    def _size(self, tag: str) -> Dict[str, Any]:
        inspect = ("image", "inspect", "--format", "{{.Size}}", tag)
        result = run(podman(self._store, self._bases.store.root, *inspect))
        return {"size": int(result.output)} if result.output.isdigit() else {"size": None}


class DockerEngine:
    """Builds in the store of docker's daemon, where what was built stays."""

    def __init__(self, request: Mapping[str, Any], work: WorkDir) -> None:
        self._request = request
        self._work = work
        self._has_buildx = run(["docker", "buildx", "version"]).status == 0

    def command(self, build: BuildCommand, confined: bool) -> List[str]:
        """The command that builds."""
        return docker_build(build, self._has_buildx)

    def environment(self) -> Dict[str, str]:
        """Variables of that command."""
        return {"DOCKER_BUILDKIT": "1" if self._has_buildx else "0"}

    def keep(self, tag: str) -> Dict[str, Any]:
        """Leave the image where it is, or push it to the registry.

        Raises:
            BuildError: it is not accepted there.
        """
        push = self._request["push"]
        if not push:
            return describe("docker", tag)
        folder = _private_folder(self._work.path("registry"))
        try:
            _write(os.path.join(folder, "config.json"), json.dumps({"auths": push["auth"]}))
            _check_kept(
                run(["docker", "--config", folder, "push", "--quiet", tag], _TRANSFER_SECONDS)
            )
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        result = run(["docker", "image", "inspect", "--format", "{{json .RepoDigests}}", tag])
        repository = tag.rpartition(":")[0]
        digests = [
            reference
            for reference in json.loads(result.output) or []
            if reference.startswith(repository + "@")
        ]
        described = describe("docker", tag)
        run(["docker", "image", "rm", tag])
        return dict(described, digest=digests[0].partition("@")[2] if digests else "")


def describe(engine: str, tag: str) -> Dict[str, Any]:
    """What an engine knows of an image; an empty dict where it has none of the name."""
    command = [engine, "image", "inspect", "--format", "{{.Id}} {{.Size}}", tag]
    result = run(command)
    if result.status != 0:
        return {}
    image_id, size = result.output.split()
    return {"image": tag, "digest": "sha256:" + image_id.split(":")[-1], "size": int(size)}


def short_name(path: str) -> str:
    """A name for a path, which is as good as unique."""
    return "bases-" + hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def _main_store() -> Store:
    """The store of the engine that runs tasks."""
    result = run(["podman", "info", "--format", "{{.Store.GraphRoot}} {{.Store.RunRoot}}"])
    if result.status != 0:
        raise BuildError(
            "Podman does not work: {}.".format(last_line(result.errors)), transient=True
        )
    return Store(*result.output.split())


def _check_kept(result: CommandResult) -> None:
    if result.status != 0:
        text = "The image could not be stored: {}. Try again later."
        raise BuildError(text.format(last_line(result.errors)), transient=True)


def _private_folder(path: str) -> str:
    os.mkdir(path, 0o700)
    return path


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as file:
        file.write(text)
