"""Access to the registry of an image: asked of the service, and handed to the engine.

The service keeps the users' accounts. The agent asks for the one of its task just before the image
is pulled, so that nothing of it is in a batch script, or gets old in a queue. Engines read it from
files in memory that have no name: whatever ends, nobody has to remove them. The directory that
engines are given holds links to the open files alone (``/proc/self/fd``), which lead somewhere in
the engine's own process only.
"""

import base64
import contextlib
import ipaddress
import json
import logging
import os
import urllib.error
import urllib.request
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from rosetta_agent.errors import Cancelled
from rosetta_agent.report_client import POST_SECONDS, build_opener
from rosetta_agent.sandbox import make_private, remove_path
from rosetta_agent.spec import AgentSpec

LOG = logging.getLogger(__name__)

_MAX_ANSWER = 1 << 20
_RETRY_SECONDS = 3.0
#: What docker's client calls Docker Hub in its files, where everybody else says ``docker.io``.
_DOCKER_HUB = "docker.io"
_DOCKER_HUB_KEYS = (_DOCKER_HUB, "https://index.docker.io/v1/")


def registry_of(reference: str) -> str:
    """Host (and port) of the registry in a reference; empty where it names none.

    As docker reads it: the part before the first slash, if it looks like a host.
    """
    first, slash, _rest = reference.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first
    return ""


def is_on_loopback(reference: str) -> bool:
    """Whether the registry is this very machine, by its loopback address or as localhost."""
    host = registry_of(reference).rpartition(":")[0] or registry_of(reference)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class RegistryAccess:
    """How a registry is reached, and the account there; its ``repr`` does not tell the password.

    ``certificates`` (PEM) are those of the registry's own authority. ``scope`` tells whose the
    pulled image is: only who has the same may use a file that was made of it.
    """

    def __init__(
        self,
        host: str = "",
        account: Optional[str] = None,
        password: str = "",
        certificates: Optional[str] = None,
        plain_http: bool = False,
        scope: str = "",
    ) -> None:
        self.host = host
        self.account = account
        self.password = password
        self.certificates = certificates
        self.plain_http = plain_http
        self.scope = scope

    def __repr__(self) -> str:
        return "RegistryAccess({!r}, {!r}, ***)".format(self.host, self.account)


def parse_access(body: bytes) -> Optional[RegistryAccess]:
    """Read the service's answer; None where it is not one."""
    try:
        document: Any = json.loads(body.decode("utf-8"))
        return RegistryAccess(
            host=str(document["host"]),
            account=document["account"],
            password=document["password"] or "",
            certificates=document["certificates"],
            plain_http=document["plain_http"] is True,
            scope=str(document["scope"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def fetch_access(spec: AgentSpec, wait: Callable[[float], bool]) -> RegistryAccess:
    """Ask the service until it answers; it may be restarting.

    Raises:
        Cancelled: ``wait`` said that the image is not wanted any more.
    """
    url = spec.report_url + "/credential"
    request = urllib.request.Request(url)  # noqa: S310 - the URL is checked to be http(s)
    request.add_header("Authorization", "Bearer " + spec.secret)
    opener = build_opener(url, spec.report_ca)
    while True:
        access = _ask(opener, request)
        if access is not None:
            return access
        if wait(_RETRY_SECONDS):
            raise Cancelled()


def _ask(
    opener: urllib.request.OpenerDirector, request: urllib.request.Request
) -> Optional[RegistryAccess]:
    try:
        with opener.open(request, timeout=POST_SECONDS) as response:
            return parse_access(response.read(_MAX_ANSWER))
    except (OSError, ValueError) as error:
        LOG.info("the service does not tell the account of the registry: %s", error)
    except Exception as error:  # http.client raises a family of its own
        LOG.warning("no readable answer from the service: %r", error)
    return None


class AccessFiles(NamedTuple):
    """What an engine is given: a directory, and the open files behind its links.

    ``config`` is docker's ``config.json``, which podman and Apptainer read, too; ``authority`` the
    registry's CA certificates. Each is the path of the link, None where there is nothing to say.
    """

    folder: str
    descriptors: Tuple[int, ...]
    config: Optional[str] = None
    authority: Optional[str] = None
    plain_http: bool = False


def build_config(access: RegistryAccess, context: Optional[str] = None) -> bytes:
    """The content of docker's ``config.json``: this one account, or none at all."""
    document: Dict[str, Any] = {"auths": {}}
    if access.account is not None:
        pair = "{}:{}".format(access.account, access.password).encode("utf-8")
        entry = {"auth": base64.b64encode(pair).decode("ascii")}
        keys = _DOCKER_HUB_KEYS if access.host == _DOCKER_HUB else (access.host,)
        document["auths"] = dict.fromkeys(keys, entry)
    if context is not None:
        document["currentContext"] = context
    return json.dumps(document).encode("utf-8")


@contextlib.contextmanager
def access_files(folder: str, access: RegistryAccess, closed: bool) -> Iterator[AccessFiles]:
    """Files for the time of a pull; ``folder`` is made for their links, and removed.

    ``closed``: the machine's own logins at registries are kept from the engine, also where there
    is no account for this one.

    Raises:
        OSError: there is no room.
        SpecError: the folder is somebody else's.
    """
    descriptors: List[int] = []
    remove_path(folder)
    make_private(folder)
    try:
        config = authority = None
        if access.account is not None or closed:
            context = _docker_context(folder)
            config = _link(folder, "config.json", build_config(access, context), descriptors)
        if access.certificates is not None:
            content = access.certificates.encode("utf-8")
            authority = _link(folder, "ca.crt", content, descriptors)
        yield AccessFiles(folder, tuple(descriptors), config, authority, access.plain_http)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
        remove_path(folder)


def _link(folder: str, name: str, content: bytes, descriptors: List[int]) -> str:
    descriptor = memory_file(content)
    descriptors.append(descriptor)
    path = os.path.join(folder, name)
    os.symlink("/proc/self/fd/{}".format(descriptor), path)
    return path


def memory_file(content: bytes) -> int:
    """A file in memory that has no name before anything is in it, and goes with its last user."""
    path = "/dev/shm/rosetta-" + os.urandom(8).hex()  # noqa: S108 - unlinked before it is written
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    os.unlink(path)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    return descriptor


def _docker_context(folder: str) -> Optional[str]:
    """The context in use of docker's client, which tells it where its daemon is."""
    home = os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")
    try:
        with open(os.path.join(home, "config.json"), encoding="utf-8") as file:
            context = json.load(file).get("currentContext")
    except (OSError, ValueError, AttributeError):
        return None
    if not isinstance(context, str):
        return None
    os.symlink(os.path.join(home, "contexts"), os.path.join(folder, "contexts"))
    return context
