"""What goes wrong in the test cluster, on purpose: each undoes itself at the end of its `with`.

with service_stopped(cluster, "login", "sshd"): ...
with machine_off(cluster, "node1"): ...
"""

import contextlib
import re
import secrets
import subprocess
from collections.abc import Iterator, Sequence

from .cluster import NODES, Cluster, wait_until

# A session of sshd that ends without a word, after the real command has done its work.
LOSE_REPLY = """#!/bin/sh
/usr/bin/{program} "$@" >/dev/null 2>&1
process=$PPID
while [ "$process" -gt 1 ]; do
    case $(cat "/proc/$process/comm") in sshd*) kill -KILL "$process"; exit 1 ;; esac
    process=$(sed 's/.*) . \\([0-9]*\\) .*/\\1/' "/proc/$process/stat")
done
"""


# --- services ------------------------------------------------------------------------------------


@contextlib.contextmanager
def service_stopped(cluster: Cluster, machine: str, service: str) -> Iterator[None]:
    """A daemon does not run: sshd, slurmctld, slurmdbd, slurmrestd, slurmd, dockerd, registry, ...

    With sshd, its connections are cut too.
    """
    cluster.run(machine, ["cluster-service", "stop", service])
    try:
        yield
    finally:
        cluster.run(machine, ["cluster-service", "start", service])
        _wait_for(cluster, machine, service)


@contextlib.contextmanager
def service_paused(cluster: Cluster, machine: str, service: str) -> Iterator[None]:
    """A daemon hangs: its port is there, and nothing answers. Sessions of sshd go on."""
    cluster.run(machine, ["cluster-service", "pause", service])
    try:
        yield
    finally:
        cluster.run(machine, ["cluster-service", "resume", service])


def restart_service(cluster: Cluster, machine: str, service: str) -> None:
    """Stop a daemon, and start it again."""
    with service_stopped(cluster, machine, service):
        pass


# How to see that a service answers, on its own machine.
ANSWERS = {
    "sshd": ["nc", "-z", "127.0.0.1", "22"],
    "slurmctld": ["scontrol", "ping"],
    "slurmdbd": ["sacctmgr", "--noheader", "list", "cluster"],
    "slurmrestd": ["nc", "-z", "127.0.0.1", "6820"],
    "registry": ["nc", "-z", "127.0.0.1", "5000"],
    "dockerd": ["docker", "info"],
}


def _wait_for(cluster: Cluster, machine: str, service: str) -> None:
    question = ANSWERS.get(service, ["cluster-service", "running", service])
    wait_until(
        lambda: cluster.exec(machine, question).returncode == 0, 60, f"{service} answers again"
    )


# --- machines ------------------------------------------------------------------------------------

# Made by a machine when it has booted.
READY = "/run/cluster/ready"


@contextlib.contextmanager
def machine_off(cluster: Cluster, machine: str) -> Iterator[None]:
    """The power is off; at the end the machine boots, and a node is idle again."""
    booted = _boot_time(cluster, machine) if machine in NODES else ""
    ready = ["test", "-e", READY]
    # Of the last boot: it would be there until the next one has removed it.
    cluster.run(machine, ["rm", "-f", READY])
    _docker("kill", cluster.container(machine))
    try:
        yield
    finally:
        _docker("start", cluster.container(machine))
        wait_until(lambda: cluster.exec(machine, ready).returncode == 0, 60, f"{machine} is back")
        if machine in NODES:
            # Until then, the controller may say that it is idle, and take it out of use later.
            text = f"the controller has heard that {machine} has booted"
            wait_until(lambda: _boot_time(cluster, machine) not in ("", booted), 60, text)
        waited = NODES if machine == "controller" else {machine}.intersection(NODES)
        wait_until(lambda: all(_resume(cluster, node) for node in waited), 60, "nodes are up")


def reboot(cluster: Cluster, machine: str) -> None:
    """Switch a machine off and on."""
    with machine_off(cluster, machine):
        pass


def _boot_time(cluster: Cluster, node: str) -> str:
    """When a node has booted, as the controller knows it; empty while it does not answer."""
    answer = cluster.exec("controller", ["scontrol", "show", "node", node]).stdout
    match = re.search(r"BootTime=(\S+)", answer)
    return match[1] if match else ""


def _resume(cluster: Cluster, node: str) -> bool:
    """Slurm keeps a node down that has booted unexpectedly; the administrator takes it back."""
    ask = ["sinfo", "--noheader", f"--nodes={node}", "--format=%T|%E"]
    answer = cluster.exec("controller", ask).stdout
    if "unexpectedly rebooted" in answer:
        cluster.scontrol("update", f"NodeName={node}", "State=RESUME")
        return False
    states = {line.partition("|")[0] for line in answer.splitlines()}
    return bool(states) and states <= {"idle", "mixed", "allocated"}


@contextlib.contextmanager
def machine_frozen(cluster: Cluster, machine: str) -> Iterator[None]:
    """Nothing on it moves, connections stay and are silent."""
    _docker("pause", cluster.container(machine))
    try:
        yield
    finally:
        _docker("unpause", cluster.container(machine))


def _docker(*words: str) -> None:
    subprocess.run(["docker", *words], check=True, capture_output=True, timeout=60)


# --- commands ------------------------------------------------------------------------------------


@contextlib.contextmanager
def program_replaced(cluster: Cluster, machine: str, program: str, script: str) -> Iterator[None]:
    """This script is found on the PATH in the place of a program of /usr/bin."""
    path = f"/usr/local/bin/{program}"
    temporary = f"{path}.{secrets.token_hex(4)}"
    cluster.run(machine, ["tee", temporary], stdin=script)
    cluster.run(machine, ["chmod", "755", temporary])
    cluster.run(machine, ["mv", temporary, path])
    try:
        yield
    finally:
        cluster.run(machine, ["rm", "-f", path])


@contextlib.contextmanager
def slow_commands(cluster: Cluster, programs: Sequence[str], seconds: float) -> Iterator[None]:
    """Commands of the login node (squeue, sbatch, ...) take so much longer."""
    with contextlib.ExitStack() as stack:
        for program in programs:
            script = f'#!/bin/sh\nsleep {seconds}\nexec /usr/bin/{program} "$@"\n'
            stack.enter_context(program_replaced(cluster, "login", program, script))
        yield


@contextlib.contextmanager
def garbage_answers(
    cluster: Cluster, programs: Sequence[str], text: str, returncode: int = 0
) -> Iterator[None]:
    """Commands of the login node print this, and end with this exit code."""
    script = f"#!/bin/sh\ncat <<'END'\n{text}\nEND\nexit {returncode}\n"
    with contextlib.ExitStack() as stack:
        for program in programs:
            stack.enter_context(program_replaced(cluster, "login", program, script))
        yield


@contextlib.contextmanager
def lost_reply(cluster: Cluster, program: str = "sbatch") -> Iterator[None]:
    """The command does its work, but its SSH connection breaks before the answer."""
    with program_replaced(cluster, "login", program, LOSE_REPLY.format(program=program)):
        yield


@contextlib.contextmanager
def clock_skewed(cluster: Cluster, machine: str, offset: str = "+1h") -> Iterator[None]:
    """`python3` and `date` on this node (or host) live in another time, e.g. `-1h`.

    Only what these two programs start is affected (libfaketime): containers share the clock of the
    kernel. Monotonic clocks are right.
    """
    with contextlib.ExitStack() as stack:
        for program in ("python3", "date"):
            script = (
                "#!/bin/sh\nexport FAKETIME_DONT_FAKE_MONOTONIC=1\n"
                f'exec faketime -f "{offset}" /usr/bin/{program} "$@"\n'
            )
            stack.enter_context(program_replaced(cluster, machine, program, script))
        yield


# --- disks ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def disk_full(cluster: Cluster, machine: str, directory: str) -> Iterator[None]:
    """The file system of a tmpfs (`/tmp`) is as large as what is in it."""
    ask = ["df", "--block-size=1", "--output=size,used", directory]
    size, used = cluster.run(machine, ask).split()[-2:]
    least = max(int(used), 4096)  # nothing would be no limit
    filler = f"{directory}/.filler-{secrets.token_hex(4)}"
    cluster.run(machine, ["mount", "-o", f"remount,size={least}", directory])
    cluster.exec(machine, ["dd", "if=/dev/zero", f"of={filler}"])
    try:
        yield
    finally:
        cluster.run(machine, ["rm", "-f", filler])
        cluster.run(machine, ["mount", "-o", f"remount,size={size}", directory])


@contextlib.contextmanager
def home_over_quota(cluster: Cluster, user: str) -> Iterator[None]:
    """A user is over quota: nothing can be written to that home, on any machine (EDQUOT)."""
    home = f"/home/{user}"
    cluster.run("login", ["btrfs", "quota", "enable", home])
    try:
        cluster.run("login", ["btrfs", "quota", "rescan", "-w", home])
        cluster.run("login", ["btrfs", "qgroup", "limit", "4K", home])
        yield
    finally:
        cluster.run("login", ["btrfs", "quota", "disable", home])


@contextlib.contextmanager
def directory_covered(cluster: Cluster, machine: str, directory: str) -> Iterator[None]:
    """One machine does not see what is in a directory, as with a shared home that lags."""
    cluster.run(machine, ["mount", "-t", "tmpfs", "-o", "mode=777", "cover", directory])
    try:
        yield
    finally:
        cluster.run(machine, ["umount", "--lazy", directory])


# --- the network and the queue -------------------------------------------------------------------


@contextlib.contextmanager
def cut_off(cluster: Cluster, node: str, address: str | None = None) -> Iterator[None]:
    """Packets between a node (or host) and an address get lost; the hub's, when none is given."""
    address = address or cluster.hub_address
    rules = [["OUTPUT", "-d", address, "-j", "DROP"], ["INPUT", "-s", address, "-j", "DROP"]]
    for rule in rules:
        cluster.run(node, ["iptables", "-I", *rule])
    try:
        yield
    finally:
        for rule in rules:
            cluster.exec(node, ["iptables", "-D", *rule])  # after a reboot they are gone already


@contextlib.contextmanager
def node_taken(cluster: Cluster, node: str) -> Iterator[None]:
    """bob's job of high priority has a whole node: jobs of partition `low` there are requeued."""
    script = "#!/bin/sh\nexec sleep 3600\n"
    options = [f"--nodelist={node}", "--exclusive", "--time=60", "--output=/dev/null"]
    submit = ["sbatch", "--parsable", "--partition=high", *options]
    job = cluster.run("login", submit, "bob", script).strip()
    state = ["squeue", "--noheader", f"--jobs={job}", "--format=%T"]
    try:
        wait_until(lambda: "RUNNING" in cluster.run("controller", state), 60, f"{job} runs")
        yield
    finally:
        cluster.run("controller", ["scancel", job])


def end_time_limit(cluster: Cluster, job: str) -> None:
    """Let the time limit of a running job end now; Slurm acts on it within half a minute."""
    cluster.scontrol("update", f"JobId={job}", "EndTime=now")
