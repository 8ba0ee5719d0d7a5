"""Images of Singularity: one file each, pulled once for all tasks of a machine and user."""

import fcntl
import glob
import hashlib
import os
from typing import Dict, List, NamedTuple, Optional

from rosetta_agent import pull as pulls
from rosetta_agent.engines.base import Pulling
from rosetta_agent.engines.causes import engine_failure
from rosetta_agent.engines.docker_cli import image_name
from rosetta_agent.engines.references import is_on_loopback
from rosetta_agent.errors import Cancelled, TaskFailure
from rosetta_agent.job import Image
from rosetta_agent.sandbox import disk_full_is_a_failure, make_private, remove_path

ARCHIVE = "docker-archive:"


class Source(NamedTuple):
    """Where an image comes from: ``file`` is one of this machine, ``uri`` what to pull."""

    file: Optional[str]
    uri: Optional[str]


def parse_source(image: Image) -> Source:
    """Read a reference: a .sif file, a docker-archive: file, or a name in a registry."""
    reference = image.reference
    if reference.endswith(".sif"):
        return Source(reference, None)
    if reference.startswith(ARCHIVE):
        return Source(reference[len(ARCHIVE) :], reference)
    if reference.startswith("docker://"):
        image = image._replace(reference=reference[len("docker://") :])
    return Source(None, "docker://" + image_name(image))


def cache_name(image: Image, modified: int) -> str:
    """File name of the pulled image; ``modified`` (ns) tells versions of a local file apart."""
    parts = (image.reference, image.digest or "", image.platform or "", str(modified))
    return hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest() + ".sif"


def build_pull_command(program: str, image: Image, target: str) -> List[str]:
    """Make ``target`` from what the reference names, without any cache in the user's home."""
    uri = parse_source(image).uri or image.reference
    if uri.startswith(ARCHIVE):
        return [program, "build", "--disable-cache", target, uri]
    architecture = ["--arch", image.platform.split("/")[1]] if image.platform else []
    return [program, "pull", "--disable-cache"] + architecture + [target, uri]


def build_pull_environment(image: Image, scratch: str) -> Dict[str, str]:
    """Scratch space next to the image, plain HTTP for registries on loopback."""
    values = {"TMPDIR": scratch, "CACHEDIR": scratch}
    if is_on_loopback(image.reference.replace("docker://", "", 1)):
        values["NOHTTPS"] = "true"
    return {
        prefix + name: values[name] for name in values for prefix in ("APPTAINER_", "SINGULARITY_")
    }


class ImageStore:
    """The images below ``<work_dir>/images``; one agent at a time gets the same one."""

    def __init__(self, work_dir: str) -> None:
        self._folder = os.path.join(work_dir, "images")

    def path(self, image: Image) -> str:
        """Where the image is, or will be.

        Raises:
            TaskFailure: a file of this machine which does not exist (image_not_found).
        """
        source = parse_source(image)
        if source.file is None:
            return os.path.join(self._folder, cache_name(image, 0))
        try:
            modified = os.stat(source.file).st_mtime_ns
        except OSError as exc:
            sentence = "The image file {} cannot be read.".format(source.file)
            raise TaskFailure("image_not_found", sentence, str(exc)) from exc
        if source.uri is None:
            return source.file
        return os.path.join(self._folder, cache_name(image, modified))

    def fetch(self, program: str, image: Image, pulling: Pulling) -> None:
        """Have the image, as its pull policy says."""
        path = self.path(image)
        here = os.path.exists(path)
        if parse_source(image).uri is None or (here and image.pull != "always"):
            return
        if image.pull == "never":
            raise engine_failure("Singularity", image_name(image), "no such image")
        with disk_full_is_a_failure():
            make_private(self._folder)
            pulling.on_start()
            with open(path + ".lock", "w", encoding="ascii") as lock:
                _wait_for_lock(lock.fileno(), pulling)
                if image.pull == "always" or not os.path.exists(path):
                    self._pull(program, image, path, pulling)

    def _pull(self, program: str, image: Image, path: str, pulling: Pulling) -> None:
        for stale in glob.glob(glob.escape(path) + ".part*"):  # of an agent that was killed
            remove_path(stale)
        part, scratch = path + ".part", path + ".part.d"
        make_private(scratch)
        try:
            argv = build_pull_command(program, image, part)
            environment = build_pull_environment(image, scratch)
            pulled = pulls.pull(argv, environment, pulling.cancelled, pulling.on_progress)
            if pulled.status != 0 or not os.path.exists(part):
                raise engine_failure("Singularity", image_name(image), pulled.output)
            os.replace(part, path)
        finally:
            remove_path(part)
            remove_path(scratch)


def _wait_for_lock(descriptor: int, pulling: Pulling) -> None:
    """Another task may be getting the same image: wait for it, as long as that takes."""
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if pulling.wait(0.2):
                raise Cancelled() from None
