"""docker, and what podman shares with it: the same command line, the same answers."""

import fcntl
import json
import os
import socket
import struct
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from rosetta_agent import pull as pulls
from rosetta_agent.engines.base import Condition, Container, Engine, Pulling
from rosetta_agent.engines.causes import engine_failure, last_words, parse_cause
from rosetta_agent.errors import StateUnknown, TaskFailure
from rosetta_agent.job import Attempt, Image, Job
from rosetta_agent.logs import Follower
from rosetta_agent.processes import CAP_SYS_ADMIN, Completed, has_capability, identify, run
from rosetta_agent.sandbox import Sandbox

_ASK_SECONDS = 20.0
_START_SECONDS = 120.0
#: A container that the engine could not start at all (docker-run(1), exit status).
_ENGINE_ERROR = 125
#: Variables that the client itself reads: given by name they would change the client.
_CLIENT_NAMES = frozenset(("PATH", "HOME", "TMPDIR", "USER", "SHELL", "TERM", "PWD", "LANG"))
_CLIENT_PREFIXES = (
    *("DOCKER_", "BUILDKIT_", "CONTAINER", "PODMAN_", "STORAGE_", "REGISTRY_", "REGISTRIES_"),
    *("LD_", "XDG_", "GO", "SSL_", "SSH_", "LC_", "DBUS_", "NOTIFY_"),
)
#: First words of images that look after their processes, and insist on being process 1.
_INITS = frozenset(("init", "s6-svscan", "systemd", "tini", "dumb-init", "catatonit"))


#: Of all tasks of a docker daemon.
NETWORK = "rosetta-tasks"


class Client(NamedTuple):
    """The program, and what has to be said to it on this machine.

    ``log_driver`` is one that keeps the output in files whose size can be limited. ``network``
    is one in which containers cannot connect to each other (None: the engine's default is).
    """

    program: str
    log_driver: str
    network: Optional[str] = None
    run_options: Tuple[str, ...] = ()
    pull_options: Tuple[str, ...] = ()
    remove_options: Tuple[str, ...] = ()
    init: Tuple[str, ...] = ("--init",)


def image_name(image: Image) -> str:
    """The reference to pull and to run; a digest takes the place of the tag."""
    if image.digest is None:
        return image.reference
    base, slash, last = image.reference.rpartition("/")
    return "{}{}{}@{}".format(base, slash, last.partition(":")[0], image.digest)


def build_image_command(client: Client, image: Image) -> List[str]:
    """Ask whether the image is here, and what it starts."""
    form = "{{json .Config.Entrypoint}}"
    return [client.program, "image", "inspect", "--format", form, image_name(image)]


def parse_is_init(text: str) -> bool:
    """Whether an image's entry point, as JSON, begins with an init of its own."""
    try:
        entrypoint = json.loads(text)
    except ValueError:
        return False
    first = entrypoint[0] if isinstance(entrypoint, list) and entrypoint else entrypoint
    words = first.split() if isinstance(first, str) else []
    return bool(words) and os.path.basename(words[0]) in _INITS


def build_pull_command(client: Client, image: Image) -> List[str]:
    """Pull the image."""
    platform = ["--platform", image.platform] if image.platform else []
    return [client.program, "pull"] + platform + list(client.pull_options) + [image_name(image)]


def build_inspect_command(client: Client, name: str) -> List[str]:
    """Ask all about the container."""
    return [client.program, "container", "inspect", name]


def build_logs_command(client: Client, name: str) -> List[str]:
    """Follow the output of the container from its beginning."""
    return [client.program, "logs", "--follow", name]


def build_stop_command(client: Client, name: str, grace: float) -> List[str]:
    """Stop the container, by force after ``grace`` seconds."""
    return [client.program, "stop", "-t", str(int(grace + 0.5)), name]


def build_remove_command(client: Client, name: str) -> List[str]:
    """Remove the container and its anonymous volumes, whatever its state."""
    return [client.program, "rm", "--force", "--volumes"] + list(client.remove_options) + [name]


def container_environment(job: Job) -> Dict[str, str]:
    """The variables of the container, BASE_PORT included where the image honours it."""
    environment = dict(job.environment)
    if job.interface.custom_port:
        environment["BASE_PORT"] = str(job.interface.port)
    return environment


def is_read_by_client(name: str) -> bool:
    """Whether a variable would change the client that hands it on (PATH, DOCKER_HOST, ...)."""
    return name in _CLIENT_NAMES or name.startswith(_CLIENT_PREFIXES)


def _environment_options(environment: Mapping[str, str]) -> List[str]:
    """Variables by name: the client takes the value from its own environment, not from argv."""
    options = []
    for name in sorted(environment):
        value = "{}={}".format(name, environment[name]) if is_read_by_client(name) else name
        options += ["--env", value]
    return options


def _limit_options(job: Job) -> List[str]:
    options = []
    if job.limits.cpus is not None:
        options += ["--cpus", "{:g}".format(job.limits.cpus)]
    if job.limits.memory is not None:
        # The same value for memory with swap: swapping is no way around the limit.
        size = "{}b".format(job.limits.memory)
        options += ["--memory", size, "--memory-swap", size]
    if job.limits.pids is not None:
        options += ["--pids-limit", str(job.limits.pids)]
    return options


def _hardening_options(job: Job) -> List[str]:
    hardening = job.hardening
    options = ["--security-opt", "no-new-privileges"] if hardening.no_new_privileges else []
    for capability in hardening.drop_capabilities:
        options += ["--cap-drop", capability]
    for capability in hardening.add_capabilities:
        options += ["--cap-add", capability]
    if hardening.read_only:
        options += ["--read-only", "--tmpfs", "/tmp:mode=1777", "--tmpfs", "/run:mode=1777"]  # noqa: S108
    if hardening.user:
        options += ["--user", hardening.user]
    return options


def _bind_options(job: Job) -> List[str]:
    options = []
    for bind in job.binds:
        # Unlike --volume, --mount does not make a missing directory (as root).
        mount = "type=bind,source={},target={}".format(bind.source, bind.target)
        options += ["--mount", mount + (",readonly" if bind.read_only else "")]
    return options


def _network_options(client: Client, job: Job) -> List[str]:
    named = any(option.split("=")[0] in ("--network", "--net") for option in job.engine_options)
    return ["--network", client.network] if client.network and not named else []


def build_network_command(client: Client) -> List[str]:
    """Make docker's network for tasks.

    In its default one a container connects to every other: a hostile image would reach the
    unguarded interfaces of its neighbours.
    """
    isolated = "com.docker.network.bridge.enable_icc=false"
    return [client.program, "network", "create", "--opt", isolated, NETWORK]


def build_run_command(client: Client, job: Job, publish: bool, init: bool) -> List[str]:
    """Start the container in the background.

    With ``publish`` its port becomes a free one of this machine's loopback; without, nothing
    of it listens outside its own network. With ``init`` a small process 1 reaps and hands on
    signals.
    """
    attempt = job.attempt
    argv = [client.program, "run", "--detach", "--name", attempt.name]
    argv += ["--pull", "never", "--hostname", attempt.task]
    argv += ["--log-driver", client.log_driver, "--log-opt", "max-size=10m"]
    argv += list(client.init) if init else []
    argv += ["--label", "rosetta.task={}".format(attempt.task)]
    argv += ["--label", "rosetta.attempt={}".format(attempt.attempt)]
    argv += ["--publish", "127.0.0.1::{}".format(job.interface.port)] if publish else []
    argv += ["--platform", job.image.platform] if job.image.platform else []
    argv += ["--runtime", job.runtime] if job.runtime else []
    argv += _limit_options(job) + _hardening_options(job) + _bind_options(job)
    argv += _environment_options(container_environment(job))
    argv += _network_options(client, job)
    argv += list(client.run_options) + list(job.engine_options)
    return argv + [image_name(job.image)] + list(job.command or ())


class Inspected(NamedTuple):
    """What the agent reads of a container: ``status`` is the engine's own word."""

    status: str
    pid: int
    exit_code: int
    out_of_memory: bool
    error: str
    published: Optional[int]


def parse_inspect(text: str, port: int) -> Inspected:
    """Read the answer of ``container inspect``; ``port`` is the one inside.

    Raises:
        StateUnknown: it is not the document that docker and podman document.
    """
    try:
        document: Dict[str, Any] = json.loads(text)[0]
        state = document["State"]
        bindings = (document.get("NetworkSettings") or {}).get("Ports") or {}
        bound = bindings.get("{}/tcp".format(port)) or [{}]
        return Inspected(
            status=str(state["Status"]),
            pid=int(state.get("Pid") or 0),
            exit_code=int(state.get("ExitCode") or 0),
            out_of_memory=bool(state.get("OOMKilled")),
            error=str(state.get("Error") or ""),
            published=int(bound[0]["HostPort"]) if bound[0].get("HostPort") else None,
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as exc:
        raise StateUnknown("the answer of the engine cannot be read: {!r}".format(exc)) from exc


def parse_condition(inspected: Inspected) -> Condition:
    """The engine's word as ours; what is neither running nor ended counts as running."""
    if inspected.status in ("exited", "dead", "stopped", "removing"):
        return Condition("exited", inspected.exit_code, inspected.out_of_memory, inspected.error)
    return Condition("running")


def is_gone(errors: str) -> bool:
    """Whether the engine answered that there is no such container."""
    lowered = errors.lower()
    return "no such container" in lowered or "no container with name or id" in lowered


def is_name_taken(errors: str) -> bool:
    """Whether the engine answered that a container of this name is there already."""
    return "already in use" in errors and "name" in errors


class Docker(Engine):
    """The docker command line; podman overrides what differs."""

    title = "Docker"

    def __init__(self, attempt: Attempt, sandbox: Sandbox) -> None:
        super().__init__(attempt, sandbox)
        self._image_is_init = False

    def client(self, image: Optional[Image] = None) -> Client:
        """The program and the options that this machine, and this image, need."""
        return Client("docker", "json-file", NETWORK)

    def have_network(self, client: Client) -> None:
        """Make the network for tasks where it is not there yet.

        One agent at a time: docker would make two networks of one name, and then refuse both.
        """
        inspect = [client.program, "network", "inspect", NETWORK]
        if self._ask(inspect).status == 0:
            return
        lock = os.open(self.sandbox.work_dir, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._ask(inspect).status == 0:
                return
            done = self._ask(build_network_command(client))
        finally:
            os.close(lock)
        if done.status != 0 and "already exists" not in done.errors:
            raise engine_failure(self.title, NETWORK, done.errors)

    def can_enter(self) -> bool:
        """Whether the agent may enter the network of a container.

        The daemon must run on this machine (it is seen through its socket) and as our own
        user: root with the capability, or rootless docker.
        """
        peer = _daemon(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
        if peer is None or peer[1] != os.geteuid():
            return False
        return os.geteuid() != 0 or has_capability(CAP_SYS_ADMIN)

    def _ask(self, argv: List[str], seconds: float = _ASK_SECONDS) -> Completed:
        done = run(argv, seconds)
        if done.status != 0 and parse_cause(done.errors) == "engine_unavailable":
            raise StateUnknown(last_words(done.errors))
        return done

    def _is_here(self, image: Image) -> bool:
        try:
            done = self._ask(build_image_command(self.client(image), image))
        except StateUnknown as exc:
            sentence = "{} does not answer on this machine.".format(self.title)
            raise TaskFailure("engine_unavailable", sentence, str(exc)) from exc
        self._image_is_init = parse_is_init(done.output)
        return done.status == 0

    def fetch(self, job: Job, pulling: Pulling) -> None:
        """See Engine."""
        image = job.image
        here = self._is_here(image)
        if image.pull == "never" and not here:
            raise engine_failure(self.title, image_name(image), "no such image")
        if image.pull == "never" or (here and image.pull == "missing"):
            return
        pulling.on_start()
        argv = build_pull_command(self.client(image), image)
        pulled = pulls.pull(argv, {}, pulling.cancelled, pulling.on_progress)
        if pulled.status != 0:
            raise engine_failure(self.title, image_name(image), pulled.output)
        self._is_here(image)

    def _inspect(self, port: int) -> Optional[Inspected]:
        done = self._ask(build_inspect_command(self.client(), self.name))
        if done.status == 0:
            return parse_inspect(done.output, port)
        if is_gone(done.errors):
            return None
        raise StateUnknown(last_words(done.errors))

    def find(self, job: Job) -> Optional[Container]:
        """See Engine."""
        inspected = self._inspect(job.interface.port)
        if inspected is None:
            return None
        if inspected.status in ("created", "configured", "initialized"):
            self.remove(0.0)
            return None
        return _container(job, inspected, ())

    def start(self, job: Job) -> Container:
        """See Engine."""
        client = self.client(job.image)
        self.have_network(client)
        argv = build_run_command(client, job, not self.can_enter(), not self._image_is_init)
        values = container_environment(job)
        handed = {name: values[name] for name in values if not is_read_by_client(name)}
        done = run(argv, _START_SECONDS, handed)
        if done.status != 0 and not is_name_taken(done.errors):
            raise self._not_started(job, done)
        inspected = self._inspect(job.interface.port)
        if inspected is None:
            raise TaskFailure("exited", "The container disappeared while it started.")
        outbound: Tuple[str, ...] = ("no_outbound",) if client.network == "none" else ()
        return _container(job, inspected, parse_warnings(done.errors) + outbound)

    def _not_started(self, job: Job, done: Completed) -> TaskFailure:
        if done.status == _ENGINE_ERROR:
            return engine_failure(self.title, image_name(job.image), done.errors)
        sentence = "The command of the container cannot be started."
        return TaskFailure("exited", sentence, last_words(done.errors))

    def inspect(self) -> Condition:
        """See Engine."""
        inspected = self._inspect(0)
        return Condition("gone") if inspected is None else parse_condition(inspected)

    def remove(self, grace: float) -> None:
        """See Engine."""
        client = self.client()
        if grace > 0:
            self._ask(build_stop_command(client, self.name, grace), grace + _ASK_SECONDS)
        done = self._ask(build_remove_command(client, self.name), 2 * _ASK_SECONDS)
        if done.status != 0 and not is_gone(done.errors):
            raise StateUnknown(last_words(done.errors))

    def follow_log(self) -> Optional[Follower]:
        """See Engine."""
        argv = build_logs_command(self.client(), self.name)
        return Follower(argv, self.sandbox.file("output.log"))


def parse_warnings(errors: str) -> Tuple[str, ...]:
    """Warnings of the task in what the engine said while it started."""
    lowered = errors.lower()
    ignored = "limit" in lowered and ("not support" in lowered or "ignored" in lowered)
    swap_only = "without swap" in lowered or "swap limit" in lowered
    return ("limits_not_enforced",) if ignored and not swap_only else ()


def _container(job: Job, inspected: Inspected, warnings: Tuple[str, ...]) -> Container:
    process = identify(inspected.pid) if inspected.pid else None
    published = inspected.published
    if published is not None:
        warnings += ("neighbours_can_connect",)
    return Container(process, job.interface.port, published is None, published, warnings)


def _daemon(address: str) -> Optional[Tuple[int, int]]:
    """Process number and user of the daemon behind a unix socket, where both are visible.

    The kernel reports process 0 for one that lives in another process namespace.
    """
    if not address.startswith("unix://"):
        return None
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(2.0)
            connection.connect(address[len("unix://") :])
            raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    except OSError:
        return None
    pid, user, _group = struct.unpack("3i", raw)
    return (pid, user) if pid else None
