"""One request of the service, on the builder: build, look after images, or check the machine."""

import contextlib
import os
import platform
import pwd
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
from typing import Any, Callable, Dict, List, Optional, Union

from rosetta_agent.builds.channel import BuildChannel
from rosetta_agent.builds.commands import BuildCommand
from rosetta_agent.builds.engine import (
    Bases,
    DockerEngine,
    PodmanEngine,
    describe,
    last_line,
    prune_docker,
    run,
)
from rosetta_agent.builds.errors import BuildCancelled, BuildError
from rosetta_agent.builds.failures import LESS, describe_failure, is_disk_full, is_killed
from rosetta_agent.builds.kernel import bind, new_mounts
from rosetta_agent.builds.network import RESOLVER, Network
from rosetta_agent.builds.output import Output
from rosetta_agent.builds.work_dir import WorkDir, group_of, sweep
from rosetta_agent.processes import die_with_parent

_OPEN_FILES = 65536
_PIECE = 64 << 10
#: Programs that closing the network of a build needs, and those for its volume.
_NETWORK_PROGRAMS = ("slirp4netns", "iptables-restore", "ip6tables-restore")
_DISK_PROGRAMS = ("mkfs.ext4", "mount")


def main(arguments: List[str]) -> int:
    """Carry out the request on standard input; returns the exit status."""
    os.umask(0o077)
    os.chdir("/")
    channel = BuildChannel()
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    _set_environment()
    try:
        if os.geteuid() == 0:
            # Stores of podman mount themselves; what is mounted here ends with this program.
            new_mounts()
        request = channel.request()
        document = _VERBS[request["verb"]](request, channel)
        channel.tell(dict(document, done=True))
    except BuildError as error:
        with contextlib.suppress(BuildCancelled):
            channel.tell(
                {
                    "error": str(error),
                    "step": error.step,
                    "tail": error.tail,
                    "transient": error.transient,
                }
            )
        return 1
    except BuildCancelled:
        return 1
    return 0


def _interrupt(_number: int, _frame: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    raise BuildCancelled


def _set_environment() -> None:
    """What engines of an account of its own need: nothing comes with the program."""
    entry = pwd.getpwuid(os.geteuid())
    os.environ["HOME"] = entry.pw_dir
    path = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = os.pathsep.join((path, "/usr/local/bin", "/usr/sbin", "/sbin"))
    runtime = "/run/user/{}".format(os.geteuid())
    if os.geteuid() != 0 and os.path.isdir(runtime):
        os.environ["XDG_RUNTIME_DIR"] = runtime


def missing_limits(request: Dict[str, Any]) -> Dict[str, str]:
    """The limits that this machine can't enforce, and why."""
    missing: Dict[str, str] = {}
    is_root = os.geteuid() == 0
    why = "the builder's account is not root"
    if request["engine"] == "docker":
        if not request["network"]:
            missing["network"] = "docker builds in a network of its own making; name a closed one"
        missing["disk"] = "docker builds in the store of its daemon"
        driver = run(["docker", "info", "--format", "{{.CgroupDriver}}"]).output
        if not is_root or driver != "cgroupfs":
            missing["processes"] = why if not is_root else "docker's cgroup driver is " + driver
        return missing
    if not is_root:
        return dict.fromkeys(("network", "processes", "memory", "disk"), why)
    for name, programs in (("network", _NETWORK_PROGRAMS), ("disk", _DISK_PROGRAMS)):
        absent = [program for program in programs if shutil.which(program) is None]
        if absent:
            missing[name] = "{} is not installed".format(absent[0])
    return missing


# --- verbs ---------------------------------------------------------------------------------------


def check(request: Dict[str, Any], _channel: BuildChannel) -> Dict[str, Any]:
    """Whether the engine works, and what this machine can't enforce."""
    version = run([request["engine"], "version", "--format", "{{.Client.Version}}"])
    if version.status != 0:
        text = "{} does not work: {}."
        raise BuildError(text.format(request["engine"], last_line(version.errors)))
    missing = missing_limits(request)
    if "network" not in missing and request["engine"] == "podman":
        network = Network(request["networks"], request["loopback_ports"])
        try:
            network.open()
        except BuildError as error:
            missing["network"] = str(error)
        finally:
            network.close()
    if not {"processes", "memory"} & set(missing):
        group = group_of("check-{}".format(os.getpid()))
        try:
            group.create(request["cpus"], request["memory"], request["processes"])
        except OSError as error:
            missing.update(dict.fromkeys(("processes", "memory"), str(error)))
        finally:
            group.remove()
    return {"version": version.output, "missing": missing, "machine": platform.machine()}


def base(request: Dict[str, Any], _channel: BuildChannel) -> Dict[str, Any]:
    """Get the base image; its id, and what kind of machine this is."""
    if request["engine"] == "docker":
        image_id = describe("docker", request["image"]).get("digest", "")
    else:
        image_id = Bases(request["directory"]).ensure(request["image"])
    return {"digest": image_id, "machine": platform.machine()}


def find(request: Dict[str, Any], _channel: BuildChannel) -> Dict[str, Any]:
    """What the engine knows of an image."""
    return describe(request["keep_in"], request["image"])


def remove(request: Dict[str, Any], _channel: BuildChannel) -> Dict[str, Any]:
    """Remove an image from the engine; tasks that run it keep it there."""
    return {"status": run([request["keep_in"], "image", "rm", request["image"]]).status}


def clean(request: Dict[str, Any], _channel: BuildChannel) -> Dict[str, Any]:
    """Remove what killed programs have left."""
    removed = sweep(request["directory"])
    if request["engine"] == "docker":
        prune_docker(request["id"])
    return {"removed": removed}


def build(request: Dict[str, Any], channel: BuildChannel) -> Dict[str, Any]:
    """Build the context that follows."""
    missing = missing_limits(request)
    refused = {name: why for name, why in missing.items() if name not in request["allow_weaker"]}
    if refused:
        text = "The builder can't enforce all limits ({}). Tell the administrator."
        reasons = "; ".join("{}: {}".format(*item) for item in sorted(refused.items()))
        raise BuildError(text.format(reasons), transient=True)
    sweep(request["directory"])
    with _Build(request, channel, missing) as work:
        return work.run()


_VERBS: Dict[str, Callable[[Dict[str, Any], BuildChannel], Dict[str, Any]]] = {
    "check": check,
    "base": base,
    "find": find,
    "remove": remove,
    "clean": clean,
    "build": build,
}


class _Build:
    """One build, and all that has to be taken away after it."""

    def __init__(
        self, request: Dict[str, Any], channel: BuildChannel, missing: Dict[str, str]
    ) -> None:
        self._request = request
        self._channel = channel
        self._missing = missing
        self._work = WorkDir(request["directory"], request["id"])
        self._output = Output(channel.tell, request["log"])
        self._group = None if "processes" in missing else group_of(request["id"])
        self._network: Optional[Network] = None
        self._deadline = time.monotonic() + request["time"]
        self._free = 0

    def __enter__(self) -> "_Build":
        return self

    def __exit__(self, *_: Any) -> None:
        # Nothing interrupts the end: what is left would be left for long.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        if self._group is not None:
            self._group.remove()
        if self._network is not None:
            self._network.close()
        self._work.remove()
        if self._request["engine"] == "docker":
            prune_docker(self._request["id"])

    def run(self) -> Dict[str, Any]:
        """Make the image; what the service is told of it."""
        request = self._request
        self._work.create(None if "disk" in self._missing else request["disk"])
        self._free = _free_bytes(self._work.volume)
        self._channel.unpack(self._work.path("context"))
        self._confine()
        engine = self._engine()
        command = BuildCommand(
            tag=request["tag"],
            context=self._work.path("context"),
            dockerfile=os.path.join(self._work.path("context"), request["dockerfile"]),
            id_file=self._work.path("image-id"),
            request=request,
            open_files=min(_OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
            group=None if self._group is None else self._group.steps,
        )
        confined = self._network is not None
        self._follow(engine.command(command, confined), engine.environment())
        self._channel.tell({"pushing": True})
        return engine.keep(request["tag"])

    def _engine(self) -> Union[PodmanEngine, DockerEngine]:
        if self._request["engine"] == "docker":
            return DockerEngine(self._request, self._work)
        bases = Bases(self._request["directory"])
        if self._request["base_image"]:
            bases.ensure(self._request["base_image"])
        return PodmanEngine(self._request, self._work, bases)

    def _confine(self) -> None:
        request = self._request
        if self._group is not None:
            try:
                self._group.create(request["cpus"], request["memory"], request["processes"])
            except OSError as error:
                text = "The processes of the build can't be limited: {}. Tell the administrator."
                raise BuildError(text.format(error), transient=True) from error
        if request["engine"] == "podman" and "network" not in self._missing:
            self._network = Network(request["networks"], request["loopback_ports"])
            self._network.open()

    def _prepare(self) -> None:
        """In the child, before it becomes the engine's client."""
        die_with_parent()
        if self._group is not None and self._request["engine"] == "podman":
            self._group.enter()
        if self._network is not None:
            self._network.enter()
            new_mounts()
            bind(self._work.path("resolv.conf"), os.path.realpath("/etc/resolv.conf"))

    def _follow(self, command: List[str], environment: Dict[str, str]) -> None:
        with open(self._work.path("resolv.conf"), "w") as file:
            file.write("nameserver {}\n".format(RESOLVER))
        os.chmod(self._work.path("resolv.conf"), 0o644)
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=dict(os.environ, **environment),
                start_new_session=True,
                preexec_fn=self._prepare,
            )
        except (OSError, subprocess.SubprocessError) as error:
            text = "{} could not be started: {}. Tell the administrator."
            raise BuildError(text.format(command[0], error), transient=True) from error
        try:
            self._watch(process)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.returncode != 0:
            raise self._failure()

    def _watch(self, process: "subprocess.Popen[bytes]") -> None:
        """Read the output to its end, as long as the service, the time and the disk allow it."""
        assert process.stdout is not None  # noqa: S101 - tells the type checker what PIPE means
        output = process.stdout.fileno()
        while True:
            readable = select.select([output, self._channel.input], [], [], 1.0)[0]
            if self._channel.input in readable and self._channel.has_ended():
                raise BuildCancelled
            if time.monotonic() > self._deadline:
                raise self._stopped("The build took longer than {} s, which is the limit.", "time")
            if "disk" in self._missing and self._written() > self._request["disk"]:
                raise self._stopped("The build wrote more than {} bytes.", "disk")
            if output in readable:
                data = os.read(output, _PIECE)
                if not data:
                    break
                self._output.feed(data)
        self._output.end()
        process.wait()

    def _written(self) -> int:
        """Bytes that are missing on the disk since the start, whoever has written them."""
        return self._free - _free_bytes(self._work.volume)

    def _stopped(self, text: str, limit: str) -> BuildError:
        reason = text.format(self._request[limit]) + LESS
        return BuildError(reason, self._step(), self._output.tail)

    def _step(self) -> str:
        return self._output.step.text if self._output.step is not None else ""

    def _failure(self) -> BuildError:
        """Why the engine has failed, in the order in which causes explain each other."""
        tail = self._output.tail
        reason = describe_failure(self._output.step, tail)
        most = self._request["processes"]
        if self._group is not None and self._group.processes_exceeded(most):
            reason = "The build started more than {} processes.{}".format(most, LESS)
        memory = self._request["memory"]
        if is_killed(tail) and self._group is not None and self._group.memory_exceeded(memory):
            reason = "The build needed more memory than it may have." + LESS
        if is_disk_full(tail):
            reason = "The build needed more room on the disk than it may have." + LESS
        return BuildError(reason, self._step(), tail)


def _free_bytes(path: str) -> int:
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
