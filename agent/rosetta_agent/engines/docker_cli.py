"""The command lines of docker and podman, and their answers; nothing is run here."""

import json
import os
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from rosetta_agent.access_options import EngineHost
from rosetta_agent.engines.base import ContainerStatus
from rosetta_agent.errors import StateUnknown
from rosetta_agent.spec import AgentSpec, Gpus, Image

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
    ``connection`` leads to a daemon on another machine. ``cdi``: GPUs are named as devices
    (Container Device Interface). ``version_field`` is that of the answer to ``version``.
    """

    program: str
    log_driver: str
    network: Optional[str] = None
    run_options: Tuple[str, ...] = ()
    pull_options: Tuple[str, ...] = ()
    remove_options: Tuple[str, ...] = ()
    init: Tuple[str, ...] = ("--init",)
    connection: Tuple[str, ...] = ()
    cdi: bool = False
    version_field: str = ".Server.Version"

    @property
    def argv(self) -> List[str]:
        """What every command begins with."""
        return [self.program] + list(self.connection)


def image_name(image: Image) -> str:
    """The reference to pull and to run; a digest takes the place of the tag."""
    if image.digest is None:
        return image.reference
    return "{}@{}".format(_repository(image.reference), image.digest)


def _repository(reference: str) -> str:
    base, slash, last = reference.rpartition("/")
    return base + slash + last.partition("@")[0].partition(":")[0]


def build_version_command(client: Client) -> List[str]:
    """Ask for the version: the daemon's, or the program's where there is no daemon."""
    return client.argv + ["version", "--format", "{{" + client.version_field + "}}"]


def build_image_command(client: Client, image: Image) -> List[str]:
    """Ask whether the image is here, what it starts, and by which digests it is known."""
    form = "{{json .Config.Entrypoint}}\n{{json .RepoDigests}}"
    return client.argv + ["image", "inspect", "--format", form, image_name(image)]


def parse_is_init(text: str) -> bool:
    """Whether an image's entry point, as JSON, begins with an init of its own."""
    try:
        entrypoint = json.loads(text)
    except ValueError:
        return False
    first = entrypoint[0] if isinstance(entrypoint, list) and entrypoint else entrypoint
    words = first.split() if isinstance(first, str) else []
    return bool(words) and os.path.basename(words[0]) in _INITS


def parse_digests(text: str, image: Image) -> Tuple[str, ...]:
    """The digests of the image in the repository that its reference names.

    ``text`` is the list of RepoDigests as JSON. The digest that was asked for comes first.
    """
    try:
        listed = json.loads(text)
    except ValueError:
        return ()
    entries = listed if isinstance(listed, list) else []
    pairs = [str(entry).partition("@")[::2] for entry in entries]
    repository = _short_name(_repository(image.reference))
    digests = [digest for name, digest in pairs if _short_name(name) == repository]
    return tuple(sorted(digests, key=lambda digest: digest != image.digest))


def _short_name(repository: str) -> str:
    """A repository as docker writes it, which leaves out what is its own hub's; podman does not."""
    for prefix in ("docker.io/", "library/"):
        if repository.startswith(prefix):
            repository = repository[len(prefix) :]
    return repository


def build_pull_command(client: Client, image: Image) -> List[str]:
    """Pull the image."""
    platform = ["--platform", image.platform] if image.platform else []
    return client.argv + ["pull"] + platform + list(client.pull_options) + [image_name(image)]


def build_inspect_command(client: Client, name: str) -> List[str]:
    """Ask all about the container."""
    return client.argv + ["container", "inspect", name]


def build_logs_command(client: Client, name: str) -> List[str]:
    """Follow the output of the container from its beginning."""
    return client.argv + ["logs", "--follow", name]


def build_stop_command(client: Client, name: str, grace: float) -> List[str]:
    """Stop the container, by force after ``grace`` seconds."""
    return client.argv + ["stop", "-t", str(int(grace + 0.5)), name]


def build_remove_command(client: Client, name: str) -> List[str]:
    """Remove the container and its anonymous volumes, whatever its state."""
    return client.argv + ["rm", "--force", "--volumes"] + list(client.remove_options) + [name]


def container_environment(spec: AgentSpec) -> Dict[str, str]:
    """The variables of the container, BASE_PORT included where the image honours it."""
    environment = dict(spec.environment)
    if spec.interface.custom_port:
        environment["BASE_PORT"] = str(spec.interface.port)
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


def _limit_options(spec: AgentSpec) -> List[str]:
    options = []
    if spec.limits.cpus is not None:
        options += ["--cpus", "{:g}".format(spec.limits.cpus)]
    if spec.limits.memory is not None:
        # The same value for memory with swap: swapping is no way around the limit.
        size = "{}b".format(spec.limits.memory)
        options += ["--memory", size, "--memory-swap", size]
    if spec.limits.pids is not None:
        options += ["--pids-limit", str(spec.limits.pids)]
    if spec.limits.disk is not None and not spec.hardening.read_only:
        options += ["--storage-opt", "size={}".format(spec.limits.disk)]
    return options


def _hardening_options(spec: AgentSpec) -> List[str]:
    hardening = spec.hardening
    options = ["--security-opt", "no-new-privileges"] if hardening.no_new_privileges else []
    for capability in hardening.drop_capabilities:
        options += ["--cap-drop", capability]
    for capability in hardening.add_capabilities:
        options += ["--cap-add", capability]
    if hardening.read_only:
        size = "" if spec.limits.disk is None else ",size={}".format(spec.limits.disk)
        options += ["--read-only"]
        for path in ("/tmp", "/run"):  # noqa: S108 - in the container
            options += ["--tmpfs", "{}:mode=1777{}".format(path, size)]
    if hardening.user:
        options += ["--user", hardening.user]
    return options


def _bind_options(spec: AgentSpec) -> List[str]:
    options = []
    for bind in spec.binds:
        # Unlike --volume, --mount does not make a missing directory (as root).
        fields = ["type=bind", "source=" + bind.source, "target=" + bind.target]
        fields += ["readonly"] if bind.read_only else []
        options += ["--mount", ",".join(_csv_field(field) for field in fields)]
    return options


def _csv_field(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""')) if '"' in text else text


def _bracketed(address: str) -> str:
    return "[{}]".format(address) if ":" in address else address


def _publish_options(address: str, spec: AgentSpec) -> List[str]:
    ports = [spec.interface.port] + [interface.port for interface in spec.interfaces]
    return [
        word for port in ports for word in ("--publish", "{}::{}".format(_bracketed(address), port))
    ]


def names_network(spec: AgentSpec) -> bool:
    """Whether the administrator's options choose the network."""
    return any(option.split("=")[0] in ("--network", "--net") for option in spec.engine_options)


def _network_options(client: Client, spec: AgentSpec) -> List[str]:
    return ["--network", client.network] if client.network and not names_network(spec) else []


def build_connection(host: EngineHost) -> Tuple[str, ...]:
    """Lead the client to a daemon on another machine; both sides show certificates."""
    return (
        *("--host", host.url, "--tlsverify", "--tlscacert", host.ca),
        *("--tlscert", host.certificate, "--tlskey", host.key),
    )


def _gpu_options(client: Client, gpus: Optional[Gpus]) -> List[str]:
    if gpus is None:
        return []
    devices = gpus.devices
    if client.cdi:
        names = devices or tuple(str(number) for number in range(gpus.number))
        return [word for name in names for word in ("--device", "nvidia.com/gpu=" + name)]
    if devices:  # quoted, because the value is read as CSV (docker-run(1))
        return ["--gpus", '"device={}"'.format(",".join(devices))]
    return ["--gpus", str(gpus.number)]


def build_network_command(client: Client) -> List[str]:
    """Make docker's network for tasks.

    In its default one a container connects to every other: a hostile image would reach the
    unguarded interfaces of its neighbours.
    """
    isolated = "com.docker.network.bridge.enable_icc=false"
    return client.argv + ["network", "create", "--opt", isolated, NETWORK]


def build_run_command(
    client: Client, spec: AgentSpec, publish: Optional[str], init: bool
) -> List[str]:
    """Start the container in the background.

    With ``publish`` each of its ports becomes a free one of that address; without, nothing of
    it listens outside its own network. With ``init`` a small process 1 reaps and hands on
    signals.
    """
    attempt = spec.attempt
    argv = client.argv + ["run", "--detach", "--name", attempt.name]
    argv += ["--pull", "never", "--hostname", attempt.name]
    argv += ["--log-driver", client.log_driver, "--log-opt", "max-size=10m"]
    argv += list(client.init) if init else []
    argv += ["--label", "rosetta.task={}".format(attempt.task)]
    argv += ["--label", "rosetta.attempt={}".format(attempt.attempt)]
    argv += _publish_options(publish, spec) if publish else []
    argv += ["--platform", spec.image.platform] if spec.image.platform else []
    argv += _gpu_options(client, spec.gpus)
    argv += _limit_options(spec) + _hardening_options(spec) + _bind_options(spec)
    argv += _environment_options(container_environment(spec))
    argv += _network_options(client, spec)
    argv += list(client.run_options)
    argv += ["--runtime", spec.runtime] if spec.runtime else []  # the last one counts
    argv += list(spec.engine_options)
    return argv + [image_name(spec.image)] + list(spec.command or ())


class Inspected(NamedTuple):
    """What the agent reads of a container: ``status`` is the engine's own word.

    ``address`` is the one that it has in the engine's network, ``further`` are the published
    ports beside ``published``, by those that they have in the container.
    """

    status: str
    pid: int
    exit_code: int
    out_of_memory: bool
    error: str
    published: Optional[int]
    address: Optional[str] = None
    further: Tuple[Tuple[int, int], ...] = ()


def parse_inspect(text: str, port: int, further: Sequence[int] = ()) -> Inspected:
    """Read the answer of ``container inspect``; ``port`` and ``further`` are those inside.

    Raises:
        StateUnknown: it is not the document that docker and podman document.
    """
    try:
        document: Dict[str, Any] = json.loads(text)[0]
        state = document["State"]
        settings = document.get("NetworkSettings") or {}
        bindings = settings.get("Ports") or {}
        networks = (settings.get("Networks") or {}).values()
        addresses = [network["IPAddress"] for network in networks if network.get("IPAddress")]
        published = {inside: _published(bindings, inside) for inside in (port, *further)}
        return Inspected(
            status=str(state["Status"]),
            pid=int(state.get("Pid") or 0),
            exit_code=int(state.get("ExitCode") or 0),
            out_of_memory=bool(state.get("OOMKilled")),
            error=str(state.get("Error") or ""),
            published=published[port],
            address=addresses[0] if addresses else None,
            further=tuple(
                (inside, outside)
                for inside, outside in published.items()
                if outside is not None and inside in further
            ),
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as exc:
        raise StateUnknown("the answer of the engine cannot be read: {!r}".format(exc)) from exc


def _published(bindings: Mapping[str, Any], port: int) -> Optional[int]:
    bound = bindings.get("{}/tcp".format(port)) or [{}]
    return int(bound[0]["HostPort"]) if bound[0].get("HostPort") else None


def parse_condition(inspected: Inspected) -> ContainerStatus:
    """The engine's word as ours; what is neither running nor ended counts as running."""
    if inspected.status in ("exited", "dead", "stopped", "removing"):
        return ContainerStatus(
            "exited", inspected.exit_code, inspected.out_of_memory, inspected.error
        )
    return ContainerStatus("running")


def is_gone(errors: str) -> bool:
    """Whether the engine answered that there is no such container."""
    lowered = errors.lower()
    return "no such container" in lowered or "no container with name or id" in lowered


def is_name_taken(errors: str) -> bool:
    """Whether the engine answered that a container of this name is there already."""
    return "already in use" in errors and "name" in errors


def is_disk_limit_refused(errors: str) -> bool:
    """Whether the engine answered that its storage driver cannot limit a container's size."""
    lowered = errors.lower()
    named = any(word in lowered for word in ("--storage-opt", "storage option", "storage opt"))
    return named and "support" in lowered


def parse_warnings(errors: str) -> Tuple[str, ...]:
    """Warnings of the task in what the engine said while it started."""
    lowered = errors.lower()
    ignored = "limit" in lowered and ("not support" in lowered or "ignored" in lowered)
    swap_only = "without swap" in lowered or "swap limit" in lowered
    return ("limits_not_enforced",) if ignored and not swap_only else ()
