"""singularity, by its present name apptainer: no engine runs, so our monitor does its work.

It is made to behave like a container (Russo et al., section 7): closed file system and
environment, process namespace of its own, home and tmp in the sandbox. Where the machine
allows user namespaces it gets a network of its own too.
"""

import fcntl
import json
import os
import shutil
import signal
import socket
import time
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from rosetta_agent import network
from rosetta_agent.bind_options import Bind, Owner, home_of
from rosetta_agent.binds import prepare
from rosetta_agent.engines.base import Container, ContainerStatus, Engine, Pulling
from rosetta_agent.engines.docker_cli import container_environment
from rosetta_agent.engines.failure_causes import last_words
from rosetta_agent.engines.images import ImageStore
from rosetta_agent.engines.overlay import is_overlay_capable, takes_overlays
from rosetta_agent.errors import TaskFailure
from rosetta_agent.file_owners import ROOT, ImageUser, Place, choose_recipe
from rosetta_agent.logs import Follower
from rosetta_agent.monitor import MonitorSpec
from rosetta_agent.mountinfo import is_below
from rosetta_agent.mounts import Mounts, can_mount
from rosetta_agent.processes import (
    kill_tree,
    missing_program,
    run,
    send,
    start_helper,
    terminate,
    wait_gone,
)
from rosetta_agent.sandbox import (
    Sandbox,
    disk_full_is_a_failure,
    make_private,
    recorded_identity,
    remove_path,
)
from rosetta_agent.spec import AgentSpec, Attempt
from rosetta_agent.usage import Usage, measure_tree

#: The home of the original system's containers, and of ours.
HOME = "/home/metauser"
#: How long a monitor that has just been started may take to record what it started.
_RECORD_SECONDS = 20.0
#: What a monitor needs, beyond the grace of the container, to end.
_MONITOR_SECONDS = 5.0
_ASK_SECONDS = 20.0
#: The directory of the sandbox for changes of the container's own files.
_OVERLAY = "root"
_PROGRAMS = ("apptainer", "singularity")


class ContainerContext(NamedTuple):
    """Where a container is started: program, image file, sandbox; network private or host.

    ``overlay`` is the directory for changes of the container's own files; without one they are
    kept in memory, of which the site's configuration of Singularity gives little. ``options``
    are those that make files the account's own.
    """

    program: str
    image: str
    sandbox: str
    network: str
    resolver: bool
    as_root: bool
    overlay: Optional[str] = None
    options: Tuple[str, ...] = ()


def build_start_command(context: ContainerContext, spec: AgentSpec) -> List[str]:
    """Run the image's own command, or execute the one that the job gives."""
    sandbox = context.sandbox
    argv = [context.program, "--quiet", "exec" if spec.command else "run"]
    argv += ["--containall", "--cleanenv", "--pid", "--no-home"]
    if not spec.hardening.read_only:
        argv += ["--overlay", context.overlay] if context.overlay else ["--writable-tmpfs"]
    argv += ["--nv"] if spec.gpus is not None else []
    argv += ["--userns"] if context.network == "private" else []
    bound = home_of(spec.binds) or _covering(spec.binds, HOME)
    home = bound.target if bound else HOME
    argv += ["--workdir", os.path.join(sandbox, "tmp"), "--home", home]
    if bound is None:
        argv += ["--bind", "{}:{}".format(os.path.join(sandbox, "home"), home)]
    argv += ["--pwd", home]
    if context.resolver:
        argv += ["--bind", "{}:/etc/resolv.conf:ro".format(os.path.join(sandbox, "resolv.conf"))]
    for bind in spec.binds:
        mode = "ro" if bind.read_only else "rw"
        argv += ["--bind", "{}:{}:{}".format(bind.source, bind.target, mode)]
    if context.as_root:  # an ordinary user has no capabilities to begin with
        dropped = ["CAP_" + name for name in spec.hardening.drop_capabilities]
        argv += ["--drop-caps", ",".join(dropped)] if dropped else []
    # In a private network the monitor has made the account root already.
    argv += list(context.options) if context.network == "host" else []
    argv += list(spec.engine_options)
    return argv + [context.image] + list(spec.command or ())


def _covering(binds: Tuple[Bind, ...], path: str) -> Optional[Bind]:
    """The bind that a path is in: of two at one place, Singularity takes the first."""
    return next((bind for bind in binds if is_below(path, bind.target)), None)


def build_environment(program: str, environment: Dict[str, str], scratch: str) -> Dict[str, str]:
    """Variables of the container, as the program wants them handed on; nothing else gets in.

    Values are taken as they are (NO_EVAL): by default a ``$`` in them would be expanded.
    """
    prefix = "APPTAINER" if os.path.basename(program) == "apptainer" else "SINGULARITY"
    ours = {
        prefix + "_NO_EVAL": "true",
        prefix + "_TMPDIR": scratch,
        prefix + "_CACHEDIR": scratch,
    }
    handed = {"{}ENV_{}".format(prefix, name): environment[name] for name in environment}
    return dict(handed, **ours)


def variables(spec: AgentSpec) -> Dict[str, str]:
    """The container's variables, and which of the node's GPUs are the job's (if it asked)."""
    value = os.environ.get("CUDA_VISIBLE_DEVICES")
    ours = {"CUDA_VISIBLE_DEVICES": value} if spec.gpus is not None and value else {}
    return dict(ours, **container_environment(spec))


def find_program() -> str:
    """Path of the program under either name; links are followed to the name it really has.

    Raises:
        TaskFailure: neither is installed.
    """
    for name in _PROGRAMS:
        path = shutil.which(name)
        if path is not None:
            real = os.path.realpath(path)
            return real if os.path.basename(real) in _PROGRAMS else path
    raise missing_program("Singularity (or Apptainer)")


def free_port() -> int:
    """A port of this machine that nobody listens on at the moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_port_taken(port: int) -> bool:
    """Whether somebody listens on that port of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return True
        return False


def choose_port(spec: AgentSpec) -> int:
    """The port in a network that is shared with the whole machine.

    Raises:
        TaskFailure: the image has a fixed one, and it is taken.
    """
    if spec.interface.custom_port:
        return free_port()
    if is_port_taken(spec.interface.port):
        message = (
            "Port {} of the computing resource is in use, and this software cannot use "
            "another one. It can run there when the port is free."
        )
        raise TaskFailure("port_in_use", message.format(spec.interface.port))
    return spec.interface.port


class Singularity(Engine):
    """Starts a monitor for each container, and reads what it records."""

    def __init__(self, attempt: Attempt, sandbox: Sandbox) -> None:
        super().__init__(attempt, sandbox)
        self._images = ImageStore(attempt.work_dir)

    def version(self) -> str:
        """See Engine."""
        program = find_program()
        result = run([program, "--version"], _ASK_SECONDS)
        if result.status != 0:
            message = "{} does not work on this machine.".format(program)
            raise TaskFailure("engine_unavailable", message, last_words(result.errors))
        return result.output.strip()

    def fetch(self, spec: AgentSpec, pulling: Pulling) -> None:
        """See Engine."""
        self._images.fetch(find_program(), spec.image, pulling)

    def start(self, spec: AgentSpec) -> Container:
        """See Engine."""
        with disk_full_is_a_failure():
            for name in ("home", "tmp"):
                make_private(self.sandbox.file(name))
        spec, options = self._prepare_binds(spec)
        record = self._launch(spec, "private", spec.interface.port, options)
        if "error" in record and record["error"] != "busy":
            record = self._launch(spec, "host", choose_port(spec), options)
        if "error" in record:
            raise TaskFailure("internal", "The container could not be started.", record["error"])
        return parse_record(record)._replace(warnings=self._warnings(record, spec))

    def _prepare_binds(self, spec: AgentSpec) -> Tuple[AgentSpec, Tuple[str, ...]]:
        """Binds as Singularity has to be given them, and the options that go with them."""
        account = Owner(os.geteuid(), os.getegid())
        place = Place("singularity", account, account.uid != 0, can_mount())
        wants_root = (spec.hardening.user or "").partition(":")[0] in ("0", "root")
        recipe = choose_recipe(place, ImageUser(ROOT if wants_root else account), account)
        binds = prepare(spec.binds, place, recipe, Mounts(self.attempt)) if spec.binds else ()
        return spec._replace(binds=binds), recipe.options

    def _warnings(self, record: Dict[str, Any], spec: AgentSpec) -> Tuple[str, ...]:
        """What users have to know of a container that was started like this."""
        warnings = parse_record(record).warnings
        has_overlay = os.path.isdir(self.sandbox.file(_OVERLAY))
        if not spec.hardening.read_only and not has_overlay:
            warnings += ("little_room",)
        return warnings if spec.limits.disk is None else warnings + ("disk_not_limited",)

    def _overlay(self, program: str, kind: str, spec: AgentSpec) -> Optional[str]:
        """The directory for changes of the container's own files, where Singularity can use one."""
        path = self.sandbox.file(_OVERLAY)
        remove_path(path)
        if spec.hardening.read_only or kind != "private":
            return None
        if not is_overlay_capable(program) or not takes_overlays(self.sandbox.path):
            return None
        with disk_full_is_a_failure():
            make_private(path)
        return path

    def _launch(
        self, spec: AgentSpec, kind: str, port: int, options: Tuple[str, ...]
    ) -> Dict[str, Any]:
        """Start a monitor; its record comes back, or an ``error``."""
        tool = network.find_tool() if kind == "private" else None
        program = find_program()
        spec = spec._replace(interface=spec.interface._replace(port=port))
        if tool is not None:
            self._write_resolver(tool.resolver)
        overlay = self._overlay(program, kind, spec)
        context = ContainerContext(
            program=program,
            image=self._images.path(spec.image),
            sandbox=self.sandbox.path,
            network=kind,
            resolver=tool is not None,
            as_root=os.geteuid() == 0,
            overlay=overlay,
            options=options,
        )
        monitor_spec = MonitorSpec(
            argv=build_start_command(context, spec),
            environment=build_environment(program, variables(spec), self.sandbox.file("tmp")),
            folder=self.sandbox.path,
            network=kind,
            tool=None if tool is None else tool.program,
            port=port,
            cpus=spec.limits.cpus,
            memory=spec.limits.memory,
            pids=spec.limits.pids,
            grace=spec.timeouts.stop,
            no_new_privileges=spec.hardening.no_new_privileges,
            image=self._images.stored(spec.image),
            as_root="--fakeroot" in options,
        )
        return self._start_monitor(monitor_spec)

    def _start_monitor(self, monitor_spec: MonitorSpec) -> Dict[str, Any]:
        process = start_helper(
            "monitor", dict(monitor_spec._asdict()), self.sandbox.file("agent.log")
        )
        assert process.stdout is not None  # noqa: S101 - tells the type checker what PIPE means
        with process.stdout as output:
            line = output.readline()
        try:
            record: Dict[str, Any] = json.loads(line.decode("utf-8"))
        except ValueError:
            raise TaskFailure("internal", "The monitor of the container failed.") from None
        if record.get("error") == "busy":
            record = self._wait_for_record() or record
        return record

    def _write_resolver(self, resolver: str) -> None:
        try:
            with open("/etc/resolv.conf", encoding="utf-8", errors="replace") as file:
                machine = file.read()
        except OSError:
            machine = ""
        with disk_full_is_a_failure():
            with open(self.sandbox.file("resolv.conf"), "w", encoding="utf-8") as file:
                file.write(network.build_resolver_file(resolver, machine))

    def _read(self, name: str) -> Optional[Dict[str, Any]]:
        try:
            with open(self.sandbox.file(name), encoding="utf-8") as file:
                document: Dict[str, Any] = json.load(file)
        except (OSError, ValueError):
            return None
        return document

    def _is_kept(self) -> bool:
        """Whether a monitor lives: it holds its lock as long."""
        try:
            descriptor = os.open(self.sandbox.file("monitor.lock"), os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _wait_for_record(self) -> Optional[Dict[str, Any]]:
        """What the monitor recorded, or is about to record; None when there was none."""
        deadline = time.monotonic() + _RECORD_SECONDS
        while True:
            has_monitor = self._is_kept()
            record = self._read("monitor.json")
            if record is not None or not has_monitor or time.monotonic() > deadline:
                return record
            time.sleep(0.05)

    def find(self, spec: AgentSpec) -> Optional[Container]:
        """See Engine."""
        record = self._wait_for_record()
        if record is None:
            return None
        return parse_record(record)._replace(warnings=self._warnings(record, spec))

    def inspect(self) -> ContainerStatus:
        """See Engine."""
        has_monitor = self._is_kept()  # asked first: the result is written before the lock is freed
        result = self._read("result.json")
        if result is not None:
            return ContainerStatus("exited", result["exit_code"], result["out_of_memory"])
        return ContainerStatus("running" if has_monitor else "gone")

    def remove(self, grace: float) -> None:
        """See Engine. The monitor knows the grace from the job, and ends what does not."""
        record = self._wait_for_record() or {}
        monitor = recorded_identity(record, "monitor")
        if monitor is not None:
            send(monitor, signal.SIGTERM)
            if not wait_gone(monitor, grace + _MONITOR_SECONDS):
                send(monitor, signal.SIGKILL)
        kill_tree(recorded_identity(record, "container"))
        terminate(recorded_identity(record, "tool"), 2.0)

    def follow_log(self) -> Optional[Follower]:
        """The monitor writes the log."""
        return None

    def measure(self, container: Container) -> Optional[Usage]:
        """See Engine. Batch systems know the whole job only: the processes are summed up."""
        return None if container.process is None else measure_tree(container.process.pid)


def parse_record(record: Dict[str, Any]) -> Container:
    """The container that a monitor recorded, with the warnings that its network deserves."""
    private = record["network"] == "private"
    warnings: Tuple[str, ...] = () if private else ("no_network_isolation",)
    if private and record["tool"] is None:
        warnings = ("no_outbound",)
    process = recorded_identity(record, "container")
    monitor = recorded_identity(record, "monitor")
    return Container(process, record["port"], private, warnings=warnings, monitor=monitor)
