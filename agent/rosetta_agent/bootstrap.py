"""The start of an agent that travels with its spec: unpack it, check it, become it.

The text of this module is the beginning of the programs that the service sends
(rosetta_hub/agents/bundle.py): it may import nothing but the standard library, and it
must be valid for every Python 3, so that an old one gets a message instead of a traceback.
"""

import base64
import contextlib
import errno
import fcntl
import hashlib
import json
import os
import stat
import sys
from typing import Any

_OLDEST = (3, 6)
_PIPE_SIZE = 65536
_F_SETPIPE_SZ = 1031  # fcntl(2); Python knows the name since 3.10
_PRIVATE_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_CODE = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from rosetta_agent.__main__ import main; sys.exit(main(sys.argv[1:]))"
)


class BootstrapError(Exception):
    """The agent cannot be unpacked here; the text says why."""


def boot(checksum: str, archive: str, spec: str, arguments: "list[str]") -> None:
    """Become ``rosetta_agent`` with these arguments; never returns.

    ``archive`` is base64 of the zip file whose SHA-256 is ``checksum``. ``{uid}`` in the
    spec's ``work_dir`` and ``image.cache`` is the number of the user. What goes wrong is told
    as the agent tells it: a line of JSON, exit status 2. Where the disk is full the agent
    starts all the same, from memory: it can tell the service.
    """
    os.umask(0o077)
    try:
        if sys.version_info < _OLDEST:
            raise BootstrapError("Python 3.6 or newer is needed, this is " + sys.version.split()[0])
        document = fill_in(json.loads(spec))
        content = base64.b64decode(archive)
        if hashlib.sha256(content).hexdigest() != checksum:
            raise BootstrapError("the archive is damaged")
        try:
            path = install(document["work_dir"], checksum, content)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            path = keep_in_memory(content)
        become(path, arguments, json.dumps(document).encode("ascii"))
    except (OSError, BootstrapError) as error:
        refuse(error)


def fill_in(spec: "dict[str, Any]") -> "dict[str, Any]":
    """The spec with the user's number where it belongs."""
    for section in (spec, spec.get("image") or {}):
        for key in ("work_dir", "cache"):
            if section.get(key):
                section[key] = section[key].replace("{uid}", str(os.geteuid()))
    return spec


def refuse(error: Exception) -> None:
    """Tell why, and end."""
    number = getattr(error, "errno", None)
    reason, text = "unsupported", "The agent cannot be unpacked: {}".format(error)
    if number == errno.ENOSPC:
        reason, text = "disk_full", "The disk of the computing resource is full."
    elif number == errno.EDQUOT:
        reason, text = "quota_exceeded", "The quota on the computing resource is used up."
    sys.stderr.write(text + "\n")
    print(json.dumps({"state": "refused", "reason": reason, "error": text}))
    sys.exit(2)


def install(folder: str, checksum: str, content: bytes) -> str:
    """Have the archive in a directory that is ours alone; returns its path.

    It appears at once, complete, or not at all, and is used again by later tasks.

    Raises:
        Refused: the directory is a link or somebody else's.
        OSError: it cannot be written.
    """
    name = "agent-{}.zip".format(checksum[:16])
    directory = open_private(folder)
    try:
        if read(directory, name) != content:
            write(directory, name, content)
    finally:
        os.close(directory)
    return os.path.join(folder, name)


def keep_in_memory(content: bytes) -> str:
    """Put the archive into a file without a name, which goes away along with the agent."""
    name = "rosetta-" + base64.b16encode(os.urandom(8)).decode("ascii")
    path = "/dev/shm/" + name  # noqa: S108 - the name is not known before, and gone at once
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    os.unlink(path)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.set_inheritable(descriptor, True)
    return "/proc/self/fd/{}".format(descriptor)


def open_private(folder: str) -> int:
    """Make the directory, and make sure that nobody else gets in."""
    with contextlib.suppress(FileExistsError):
        os.makedirs(folder, 0o700)
    try:
        directory = os.open(folder, _PRIVATE_FOLDER)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            raise BootstrapError("{} is not a directory".format(folder)) from None
        raise
    info = os.fstat(directory)
    if info.st_uid != os.geteuid():
        raise BootstrapError("{} belongs to another user ({})".format(folder, info.st_uid))
    if stat.S_IMODE(info.st_mode) & 0o077:
        os.fchmod(directory, 0o700)
    return directory


def read(directory: int, name: str) -> bytes:
    """The file's content, empty where there is none."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=directory)
    except OSError:
        return b""
    with open(descriptor, "rb") as file:
        return file.read()


def write(directory: int, name: str, content: bytes) -> None:
    """Write the file under another name first."""
    part = "{}.{}".format(name, base64.b16encode(os.urandom(8)).decode("ascii"))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(part, flags, 0o600, dir_fd=directory)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.rename(part, name, src_dir_fd=directory, dst_dir_fd=directory)
    except OSError:
        os.unlink(part, dir_fd=directory)
        raise


def become(path: str, arguments: "list[str]", spec: bytes) -> None:
    """Execute the agent with the spec on a pipe: it is in no argument and no variable."""
    reading, writing = os.pipe()
    if len(spec) > _PIPE_SIZE:
        fcntl.fcntl(writing, _F_SETPIPE_SZ, len(spec))
    os.set_blocking(writing, False)
    if os.write(writing, spec) != len(spec):
        raise BootstrapError("the spec is too long")
    os.close(writing)
    os.dup2(reading, 0)
    os.close(reading)
    # Python does not know its own path where the job's environment has no PATH.
    python = sys.executable or os.readlink("/proc/self/exe")
    os.execv(python, [python, "-I", "-c", _CODE, path, *arguments])  # noqa: S606
