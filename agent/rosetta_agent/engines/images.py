"""Images of Singularity: one file each, pulled once for all tasks of a user.

They are kept on each machine, or on storage that the nodes share. Shared or not, an image
appears by a rename, complete; one agent at a time gets it.
"""

import fcntl
import glob
import hashlib
import os
import signal
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

from rosetta_agent import pull as pulls
from rosetta_agent.engines.base import Pulling
from rosetta_agent.engines.docker_cli import image_name
from rosetta_agent.engines.failure_causes import engine_failure, pull_failure
from rosetta_agent.errors import Cancelled, TaskFailure
from rosetta_agent.image_cache import choose_scratch, conversion_slot, mark_used, prune
from rosetta_agent.lease_lock import Lease
from rosetta_agent.processes import run
from rosetta_agent.progress import Progress
from rosetta_agent.registry_access import RegistryAccess, access_files, is_on_loopback
from rosetta_agent.sandbox import (
    disk_full_is_a_failure,
    make_private,
    raise_unless_full,
    remove_path,
)
from rosetta_agent.spec import Image

ARCHIVE = "docker-archive:"
_ASK_SECONDS = 20.0
_NO_ACCOUNT = (
    "{} of this machine can't be given an account at a registry: the option --authfile of its "
    "'pull' is needed, which Apptainer 1.4 has."
)


class Source(NamedTuple):
    """Where an image comes from: ``file`` is one of this machine, ``uri`` what to convert."""

    file: Optional[str]
    uri: Optional[str]


def parse_source(image: Image) -> Source:
    """Read a reference: a name in a registry, ``docker-archive:`` and a path, or a path alone.

    The latter is an image that runs as it is: a SIF file, or a directory.
    """
    reference = image.reference
    if reference.startswith("/"):
        return Source(reference, None)
    if reference.startswith(ARCHIVE):
        return Source(reference[len(ARCHIVE) :], reference)
    if reference.startswith("docker://"):
        image = image._replace(reference=reference[len("docker://") :])
    return Source(None, "docker://" + image_name(image))


def cache_name(image: Image, modified: int, scope: str = "") -> str:
    """File name of the pulled image; ``modified`` (ns) tells versions of a local file apart.

    With a digest it is the same whatever the registry calls the image. ``scope`` keeps images
    apart that not everybody may have.
    """
    platform = image.platform or ""
    if image.digest is not None and not modified:
        parts: Tuple[str, ...] = (image.digest, platform)
    else:
        parts = (image.reference, image.digest or "", platform, str(modified))
    parts += (scope,) if scope else ()
    return hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest() + ".sif"


def build_pull_command(
    program: str, image: Image, target: str, config: Optional[str] = None
) -> List[str]:
    """Make ``target`` from what the reference names, without any cache in the user's home.

    ``config`` is a file of accounts at registries, as docker's ``config.json``.
    """
    uri = parse_source(image).uri or image.reference
    if uri.startswith(ARCHIVE):
        return [program, "build", "--disable-cache", target, uri]
    architecture = ["--arch", image.platform.split("/")[1]] if image.platform else []
    account = ["--authfile", config] if config is not None else []
    return [program, "pull", "--disable-cache"] + architecture + account + [target, uri]


def build_pull_environment(
    image: Image, scratch: str, authority: Optional[str] = None, plain_http: bool = False
) -> Dict[str, str]:
    """Scratch space, the proxy, certificates, and plain HTTP for registries on loopback."""
    values = {"TMPDIR": scratch, "CACHEDIR": scratch}
    near = is_on_loopback(image.reference.replace("docker://", "", 1))
    if plain_http or (near and authority is None):
        values["NOHTTPS"] = "true"
    prefixes = ("APPTAINER_", "SINGULARITY_")
    named = {prefix + name: values[name] for name in values for prefix in prefixes}
    # Go reads the system's directory of certificates besides.
    trusted = {} if authority is None else {"SSL_CERT_FILE": authority}
    return dict(named, **trusted, **pulls.build_proxy_environment(image.proxy))


def takes_account(program: str) -> bool:
    """Whether this version can be given an account in a file."""
    return "--authfile" in run([program, "pull", "--help"], _ASK_SECONDS).output


class ImageStore:
    """The images of one folder: ``<work_dir>/images``, or the job's ``cache``."""

    def __init__(self, work_dir: str) -> None:
        self._folder = os.path.join(work_dir, "images")
        #: Whose image it is, where the registry decides about each start; known once it was asked.
        self._scope = ""

    def _home(self, image: Image) -> str:
        return image.cache or self._folder

    def path(self, image: Image) -> str:
        """Where the image is, or will be.

        Raises:
            TaskFailure: a file of this machine which does not exist (image_not_found).
        """
        source = parse_source(image)
        if source.file is None:
            return os.path.join(self._home(image), cache_name(image, 0, self._scope))
        try:
            modified = os.stat(source.file).st_mtime_ns
        except OSError as exc:
            message = "The image file {} cannot be read.".format(source.file)
            raise TaskFailure("image_not_found", message, str(exc)) from exc
        if source.uri is None:
            return source.file
        return os.path.join(self._home(image), cache_name(image, modified))

    def stored(self, image: Image) -> Optional[str]:
        """The image's file, where it is one of this store."""
        return None if parse_source(image).uri is None else self.path(image)

    def fetch(self, program: str, image: Image, pulling: Pulling) -> None:
        """Have the image, as its pull policy says.

        What an account has brought, or others may not have, is a file of its own for each scope.
        """
        if not image.shared and parse_source(image).file is None:
            access = pulling.access()
            self._scope = access.scope
            pulling = pulling._replace(access=lambda: access)
        path = self.path(image)
        if parse_source(image).uri is None:
            return
        if image.pull != "always" and _is_trusted(path):
            mark_used(path)
            return
        if image.pull == "never":
            raise engine_failure("Singularity", image_name(image), "no such image")
        with disk_full_is_a_failure():
            make_private(self._folder)
            pulling.on_start()
            if image.cache is None:
                self._fetch_locally(program, image, path, pulling)
            else:
                self._fetch_shared(program, image, path, pulling)
            mark_used(path)
            if image.cache_size is not None:
                prune(os.path.dirname(path), image.cache_size, path)

    def _fetch_locally(self, program: str, image: Image, path: str, pulling: Pulling) -> None:
        with open(path + ".lock", "w", encoding="ascii") as lock:
            _wait_for_lock(lock.fileno(), pulling)
            if image.pull == "always" or not os.path.exists(path):
                for stale in glob.glob(glob.escape(path) + ".part*"):  # of a killed agent
                    remove_path(stale)
                self._pull(program, image, path, pulling, path + ".part")

    def _fetch_shared(self, program: str, image: Image, path: str, pulling: Pulling) -> None:
        folder = os.path.dirname(path)
        have_cache(folder)
        lease = Lease(path + ".lease")
        try:
            waited = lease.take(pulling.wait, pulling.on_progress)
        except OSError as error:
            raise_unless_full(error, "image_dir: {} cannot be written to".format(folder))
        try:
            if (image.pull == "always" and not waited) or not _is_trusted(path):
                _remove_parts(path)
                telling = pulling._replace(on_progress=_both(pulling.on_progress, lease.tell))
                self._pull(program, image, path, telling, "{}.part-{}".format(path, lease.owner))
        finally:
            lease.give_back()

    def _pull(self, program: str, image: Image, path: str, pulling: Pulling, part: str) -> None:
        with conversion_slot(self._folder, pulling.wait):
            room = choose_scratch(self._folder, image.cache)
            scratch = os.path.join(room, os.path.basename(part) + ".d")
            make_private(scratch)
            try:
                access = pulling.access()
                pulled = _convert(program, image, part, scratch, pulling, access)
                if pulled.status != 0 or not os.path.exists(part):
                    raise _failure(image, pulled, access.account is not None)
                os.replace(part, path)
            finally:
                remove_path(part)
                remove_path(scratch)


def have_cache(folder: str) -> None:
    """Make a shared folder that nobody else can put images into.

    Raises:
        SpecError: it cannot be made, or belongs to another user (root's is fine: the
            administrator's).
    """
    if not (os.path.isdir(folder) and os.stat(folder).st_uid == 0):
        make_private(folder, "image_dir")


def _convert(
    program: str, image: Image, part: str, scratch: str, pulling: Pulling, access: RegistryAccess
) -> pulls.Pulled:
    """Run the program that pulls and converts, with the account at the registry."""
    folder = os.path.join(scratch, "registry")
    with access_files(folder, access, closed=not image.shared) as files:
        config = files.config
        if config is not None and not takes_account(program):
            if access.account is not None:
                raise TaskFailure("unsupported", _NO_ACCOUNT.format(os.path.basename(program)))
            config = None
        argv = build_pull_command(program, image, part, config)
        environment = build_pull_environment(image, scratch, files.authority, files.plain_http)
        return pulls.pull(
            argv, environment, pulling.cancelled, pulling.on_progress, files.descriptors
        )


def _failure(image: Image, pulled: pulls.Pulled, has_account: bool) -> TaskFailure:
    """Why a conversion failed; the kernel kills one that needs too much memory without a word."""
    name = image_name(image)
    if pulled.status == -signal.SIGKILL:
        return engine_failure("Singularity", name, pulled.output, "out_of_memory")
    return pull_failure("Singularity", name, pulled.output, has_account)


def _is_trusted(path: str) -> bool:
    """Whether there is an image that we, or the administrator, have put there."""
    try:
        return os.stat(path).st_uid in (0, os.geteuid())
    except OSError:
        return False


def _remove_parts(path: str) -> None:
    """What an agent has left that was killed; called by the owner of the lease."""
    for stale in glob.glob(glob.escape(path) + ".part-*"):
        remove_path(stale)


def _both(*listeners: Callable[[Progress], None]) -> Callable[[Progress], None]:
    def tell(progress: Progress) -> None:
        for listener in listeners:
            listener(progress)

    return tell


def _wait_for_lock(descriptor: int, pulling: Pulling) -> None:
    """Another task may be getting the same image: wait for it, as long as that takes."""
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if pulling.wait(0.2):
                raise Cancelled() from None
