"""Where agents run in these tests: this machine, and a container that has Apptainer."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.devices import open_devices

from .fake import wait_until

ROOT = Path(__file__).parents[2]
# Where those containers have the agent's package.
AGENT = "/opt/agent"
ALICE = 1000
CAROL = 1003
# The oldest Python that agents meet comes with no present system: it is tried where it is there.
OLD_PYTHON = "/root/.pyenv/versions/3.6.15/bin/python3"
PYTHONS = [sys.executable, *filter(os.path.exists, [OLD_PYTHON])]
AgentSpec = dict[str, Any]


@dataclass
class Machine:
    """Where the agent runs: this machine, or a container that has Apptainer.

    Both share process numbers, network and work directory with the test.
    """

    engine: str
    work_dir: Path
    prefix: list[str] = field(default_factory=list)
    python: list[str] = field(default_factory=lambda: [sys.executable, "-I", "-m"])
    user: int = 0

    def call(
        self, verb: str, spec: AgentSpec, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the agent's program with a spec on its standard input."""
        return subprocess.run(
            [*self.prefix, *self.python, "rosetta_agent", verb],
            input=json.dumps(spec),
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def start(self, verb: str, spec: AgentSpec, **environment: str) -> "subprocess.Popen[str]":
        """Start the agent's program with a spec on its standard input."""
        process = subprocess.Popen(
            [*self.prefix, *self.python, "rosetta_agent", verb],
            stdin=subprocess.PIPE,
            env={**os.environ, **environment},
            text=True,
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(spec))
        process.stdin.close()
        return process

    def run(self, spec: AgentSpec, **environment: str) -> dict[str, Any]:
        """Give the spec to run; the line that came back."""
        answer = self.call("run", spec, **environment)
        assert answer.stdout, answer.stderr
        line: dict[str, Any] = json.loads(answer.stdout)
        return line

    def exists(self) -> bool:
        """False once its container is gone, and all that ran in it."""
        return not self.prefix or self.call("", {}).returncode == 2

    def stop(self, spec: AgentSpec, **environment: str) -> dict[str, Any]:
        """Give the spec to stop; the line that came back."""
        spec = {name: spec[name] for name in ("task", "attempt", "work_dir", "engine")}
        answer = self.call("stop", {**spec, "stop": 3}, **environment)
        assert answer.stdout, answer.stderr
        line: dict[str, Any] = json.loads(answer.stdout)
        return line

    def sandbox(self, spec: AgentSpec) -> Path:
        return self.work_dir / f"{spec['task']}-{spec['attempt']}"

    def state(self, spec: AgentSpec) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.sandbox(spec) / "agent.json").read_text())
        return document

    def kill_agent(self, spec: AgentSpec) -> None:
        """As a crash does."""
        pid = self.state(spec)["agent"][0]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_running(pid), "the agent is gone")

    def leaves_nothing(self, spec: AgentSpec) -> bool:
        """Whether nothing is left of the task. The sandbox goes last, and is looked for first.

        For tests that wait: to ask the engine, and to look through all processes, takes long.
        """
        return not self.sandbox(spec).exists() and not self.leftovers(spec)

    def leftovers(self, spec: AgentSpec) -> list[str]:
        """Processes, containers and files of the task."""
        process = [line for line in processes() if spec["task"] in line]
        if self.engine in ("docker", "podman"):
            label = f"label=rosetta.task={spec['task']}"
            ps = [self.engine, "ps", "--all", "--filter", label, "--format", "{{.Names}}"]
            elsewhere = self.prefix if self.prefix[:1] == ["docker"] else []
            result = subprocess.run([*elsewhere, *ps], capture_output=True, text=True, check=True)
            process += result.stdout.splitlines()
        if self.sandbox(spec).exists():
            process.append(str(self.sandbox(spec)))
        return process


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def files_in_memory() -> set[str]:
    """Names of the agents' files in this machine's memory, which others use as well."""
    return {path.name for path in Path("/dev/shm").glob("rosetta-*")}


def processes() -> list[str]:
    """Command line, environment and open files of each process but this one."""
    values = []
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) in (os.getpid(), os.getppid()):
            continue
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            text = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
            files = [os.readlink(path) for path in (folder / "fd").iterdir()]
            values.append(f"{folder.name} {text.decode(errors='replace')} {files}")
    return values


HOST_OPTIONS = (
    *("--network", "host", "--pid", "host", "--device", "/dev/fuse", "--device", "/dev/net/tun"),
    *("--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--cap-add", "SYS_PTRACE"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
    *("--security-opt", "systempaths=unconfined"),
)


@dataclass
class ApptainerHost:
    """A container with Apptainer and the ordinary user alice, or with Podman and carol."""

    name: str
    shared: Path

    def prefix(self, user: str = "alice") -> list[str]:
        options = ["--user", user, "--env", f"HOME=/home/{user}", "--env", f"PYTHONPATH={AGENT}"]
        return ["docker", "exec", "--interactive", *options, self.name]


def start_host(shared: Path, *options: str, image: str = "apptainer-host") -> ApptainerHost:
    name = f"rosetta-test-host-{uuid.uuid4().hex[:8]}"
    mksquashfs = f"--volume={ROOT}/tests/support/mksquashfs:/usr/local/bin/mksquashfs:ro"
    volumes = [f"--volume={ROOT}:{ROOT}:ro", f"--volume={shared}:{shared}", mksquashfs]
    version = next(
        line.split("=")[1].strip()
        for line in (ROOT / "setup.cfg").read_text().splitlines()
        if line.startswith("version =")
    )
    subprocess.run(
        [
            *("docker", "run", "--detach", "--rm", "--name", name, *options, *volumes),
            f"rosetta/{image}:{version}",
            *("sleep", "infinity"),
        ],
        check=True,
        capture_output=True,
    )
    open_devices(name)
    # Compiled once, and not whenever an agent or a part of it starts: nobody can write where the
    # checkout is mounted.
    prepare = f"cp -r {ROOT}/agent {AGENT} && python3 -m compileall -q {AGENT}"
    subprocess.run(["docker", "exec", name, "sh", "-ec", prepare], check=True, capture_output=True)
    return ApptainerHost(name, shared)


def podman_machine(host: ApptainerHost) -> Machine:
    """Rootless, as carol."""
    return Machine("podman", host.shared / "w", host.prefix("carol"), ["python3", "-m"], CAROL)


def apptainer_machine(host: ApptainerHost) -> Machine:
    return Machine("singularity", host.shared / "w", host.prefix(), ["python3", "-m"], ALICE)
