"""The spec for one task: read from JSON, checked, and frozen.

What arrives is checked once, here; the rest of the agent trusts the types. The spec comes
from our own service, yet names end up in paths and argument lists: each has a pattern.
"""

import functools
import hashlib
import json
import re
from typing import Any, Dict, NamedTuple, Optional, Tuple

from rosetta_agent.access_options import (
    DialOptions,
    EngineHost,
    ListenOptions,
    parse_authority,
    parse_dial,
    parse_engine_host,
    parse_listen,
)
from rosetta_agent.bind_options import Bind, parse_binds
from rosetta_agent.errors import SpecError
from rosetta_agent.fields import Fields
from rosetta_agent.protocol import ENGINES, VERSION

PULL_POLICIES = ("missing", "always", "never")
DEFAULT_PORT = 8888

_ROUNDS = 20000
_TASK = re.compile(r"[0-9a-z][0-9a-z-]{0,39}\Z")
_REFERENCE = re.compile(r"[A-Za-z0-9/.][^\s\x00]{0,1023}\Z")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?\Z")
_RUNTIME = re.compile(r"[A-Za-z0-9/][A-Za-z0-9._/-]*\Z")
_PROTOCOL = re.compile(r"[a-z][a-z0-9+.-]{0,19}\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_VARIABLE_PATTERN = re.compile(r"[A-Za-z_*][A-Za-z0-9_*]*\Z")
_CAPABILITY = re.compile(r"[A-Z_]+\Z")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(:[A-Za-z0-9_][A-Za-z0-9_-]*)?\Z")
_URL = re.compile(r"https?://[^\s/@]+/\S*\Z")
_PATH = re.compile(r"/[^\x00\n:,]*\Z")
_PAGE = re.compile(r"/[\x21-\x7e]*\Z")
_PROXY = re.compile(r"https?://\S+\Z")


class Image(NamedTuple):
    """The image: ``pull`` is one of PULL_POLICIES, ``platform`` like linux/amd64.

    ``cache`` is a directory for image files on storage that the nodes share; of more than
    ``cache_size`` bytes those go that were unused for the longest. ``proxy`` is the HTTP proxy
    of pulls. ``credential``: the service knows the account at the registry. ``shared``: everybody
    who may start the software may use the image that is there; otherwise the registry decides
    about each start.
    """

    reference: str
    digest: Optional[str]
    pull: str
    platform: Optional[str]
    cache: Optional[str] = None
    cache_size: Optional[int] = None
    proxy: Optional[str] = None
    credential: bool = False
    shared: bool = True


class Interface(NamedTuple):
    """The port that the user talks to; ``custom_port``: the image honours BASE_PORT."""

    port: int
    protocol: str
    custom_port: bool
    path: str


class FurtherInterface(NamedTuple):
    """A port that users reach beside the interface: http or https, and the page to ask for."""

    port: int
    protocol: str
    path: str


class Limits(NamedTuple):
    """CPUs (a fraction is allowed), memory in bytes, number of processes; None: no limit.

    ``disk`` are the bytes that the container may write into its own file system.
    """

    cpus: Optional[float]
    memory: Optional[int]
    pids: Optional[int]
    disk: Optional[int] = None


class Hardening(NamedTuple):
    """What the container may not do; exceptions are the administrator's."""

    no_new_privileges: bool
    drop_capabilities: Tuple[str, ...]
    add_capabilities: Tuple[str, ...]
    read_only: bool
    user: Optional[str]


class Timeouts(NamedTuple):
    """Seconds: until the interface answers, until a stop is forced, until nobody asked."""

    answer: float
    stop: float
    unanswered: float


@functools.lru_cache(maxsize=None)
def container_name(task: str, attempt: int) -> str:
    """Name and host name of a container, which do not tell the task's id.

    Every container may ask Docker's DNS for the names of all others in its network. The id has
    48 bits: a slow hash keeps it from being found by trying.
    """
    text = "{} {}".format(task, attempt).encode("ascii")
    return "rosetta-" + hashlib.pbkdf2_hmac("sha256", text, b"container", _ROUNDS, 8).hex()


class Attempt(NamedTuple):
    """Which attempt of which task, and where: all that is needed to clean up after it.

    ``path`` holds the directories where programs are looked for before those of PATH.
    """

    task: str
    attempt: int
    work_dir: str
    engine: str
    engine_host: Optional[EngineHost] = None
    path: Tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the container, the same for every agent of this attempt."""
        return container_name(self.task, self.attempt)


class StopSpec(NamedTuple):
    """Which attempt is to be stopped, and how many seconds its container gets."""

    attempt: Attempt
    grace: float


class Gpus(NamedTuple):
    """GPUs of the container: so many, and which ones where a scheduler has chosen them."""

    number: int
    devices: Tuple[str, ...] = ()


class AgentSpec(NamedTuple):
    """Everything the agent needs to know about one attempt of one task.

    ``warn_before`` is in seconds before the time limit of a batch job; ``batch``: the agent
    runs in one, of whose variables the container gets those that match ``pass_variables``
    (fnmatch). ``any_user``: the image runs as whatever user it is started as; ``home_user`` is
    the one that an image becomes which is started as root.
    """

    attempt: Attempt
    secret: str
    report_url: str
    runtime: Optional[str]
    image: Image
    interface: Interface
    environment: Dict[str, str]
    command: Optional[Tuple[str, ...]]
    limits: Limits
    hardening: Hardening
    binds: Tuple[Bind, ...]
    timeouts: Timeouts
    heartbeat: float
    engine_options: Tuple[str, ...]
    listen: Optional[ListenOptions]
    dial: Optional[DialOptions]
    report_ca: Optional[str]
    gpus: Optional[Gpus]
    warn_before: float
    pass_variables: Tuple[str, ...] = ()
    batch: bool = False
    any_user: bool = False
    home_user: Optional[int] = None
    interfaces: Tuple[FurtherInterface, ...] = ()

    def __repr__(self) -> str:
        """Names the attempt only: the spec holds secrets."""
        return "<Job {}-{}>".format(self.attempt.task, self.attempt.attempt)


def parse_spec(text: str) -> AgentSpec:
    """Read the spec of ``run``.

    Raises:
        SpecError: not JSON, another version, or a key that is missing or not allowed.
    """
    fields = _document(text)
    version = fields.integer("version", low=0, default=0)
    if version != VERSION:
        raise SpecError("version: this agent understands {}, not {}".format(VERSION, version))
    return AgentSpec(
        attempt=_attempt(fields),
        secret=fields.text("secret", re.compile(r"[\x21-\x7e]+\Z")),
        report_url=fields.text("report_url", _URL),
        runtime=fields.optional_text("runtime", _RUNTIME),
        image=_image(fields.section("image")),
        interface=_interface(fields.section("interface")),
        environment=fields.variables("environment", _VARIABLE),
        command=fields.optional_texts("command"),
        limits=_limits(fields.section("limits")),
        hardening=_hardening(fields.section("hardening")),
        binds=parse_binds(fields),
        timeouts=_timeouts(fields.section("timeouts")),
        heartbeat=fields.number("heartbeat", low=0.1, default=5.0),
        engine_options=fields.texts("engine_options"),
        listen=parse_listen(fields.optional_section("listen")),
        dial=parse_dial(fields.optional_section("dial")),
        report_ca=parse_authority(fields, "report_ca"),
        gpus=_gpus(fields),
        warn_before=fields.number("warn_before", low=0.0, default=600.0),
        pass_variables=fields.texts("pass_variables", _VARIABLE_PATTERN),
        any_user=fields.flag("any_user", default=False),
        home_user=fields.optional_integer("home_user", low=0),
        interfaces=tuple(_further(section) for section in fields.sections("interfaces")),
    )


def parse_stop_spec(text: str) -> StopSpec:
    """Read the spec of ``stop``.

    Raises:
        SpecError: as for parse_job.
    """
    fields = _document(text)
    return StopSpec(_attempt(fields), fields.number("stop", low=0.0, default=10.0))


def _document(text: str) -> Fields:
    try:
        document: Any = json.loads(text)
    except ValueError as exc:
        raise SpecError("the spec is not JSON: {}".format(exc)) from exc
    if not isinstance(document, dict):
        raise SpecError("the spec is not a JSON object")
    return Fields(document, "")


def _attempt(fields: Fields) -> Attempt:
    return Attempt(
        task=fields.text("task", _TASK),
        attempt=fields.integer("attempt", low=1),
        work_dir=fields.text("work_dir", _PATH),
        engine=fields.choice("engine", ENGINES),
        engine_host=parse_engine_host(fields.optional_section("engine_host")),
        path=fields.texts("path", _PATH),
    )


def _gpus(fields: Fields) -> Optional[Gpus]:
    number = fields.optional_integer("gpus", low=0)
    return Gpus(number) if number else None


def _image(fields: Fields) -> Image:
    return Image(
        reference=fields.text("reference", _REFERENCE),
        digest=fields.optional_text("digest", _DIGEST),
        pull=fields.choice("pull", PULL_POLICIES, default="missing"),
        platform=fields.optional_text("platform", _PLATFORM),
        cache=fields.optional_text("cache", _PATH),
        cache_size=fields.optional_integer("cache_size", low=1),
        proxy=fields.optional_text("proxy", _PROXY),
        credential=fields.flag("credential", default=False),
        shared=fields.flag("shared", default=True),
    )


def _interface(fields: Fields) -> Interface:
    custom = fields.flag("custom_port", default=False)
    port = fields.optional_integer("port", low=1, high=65535)
    if port is None and not custom:
        raise SpecError("interface.port: missing, and the image has no port of its own choosing")
    return Interface(
        port=port or DEFAULT_PORT,
        protocol=fields.text("protocol", _PROTOCOL),
        custom_port=custom,
        path=fields.text("path", _PAGE, default="/"),
    )


def _further(fields: Fields) -> FurtherInterface:
    port = fields.optional_integer("port", low=1, high=65535)
    if port is None:
        raise SpecError("interfaces.port: missing")
    return FurtherInterface(
        port=port,
        protocol=fields.choice("protocol", ("http", "https"), default="http"),
        path=fields.text("path", _PAGE, default="/"),
    )


def _limits(fields: Fields) -> Limits:
    return Limits(
        cpus=fields.optional_number("cpus", low=0.01),
        memory=fields.optional_integer("memory", low=1),
        pids=fields.optional_integer("pids", low=1),
        disk=fields.optional_integer("disk", low=1),
    )


def _hardening(fields: Fields) -> Hardening:
    return Hardening(
        no_new_privileges=fields.flag("no_new_privileges", default=True),
        drop_capabilities=fields.texts("drop_capabilities", _CAPABILITY),
        add_capabilities=fields.texts("add_capabilities", _CAPABILITY),
        read_only=fields.flag("read_only", default=False),
        user=fields.optional_text("user", _USER),
    )


def _timeouts(fields: Fields) -> Timeouts:
    return Timeouts(
        answer=fields.number("answer", low=0.1, default=120.0),
        stop=fields.number("stop", low=0.0, default=10.0),
        unanswered=fields.number("unanswered", low=0.1, default=3600.0),
    )
