"""The commands of Slurm that the driver uses, on a queue in a file next to them.

Run under the name of the command. Nothing runs a job: a test sets the states. Tests start it
hundreds of times, so it imports little.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Jobs = dict[str, dict[str, Any]]

HERE = os.path.dirname(os.path.abspath(sys.argv[0]))
COLUMNS = {
    "%i": ("JOBID", "id", ""),
    "%T": ("STATE", "state", "PENDING"),
    "%u": ("USER", "user", ""),
    "%P": ("PARTITION", "partition", "main"),
    "%B": ("EXEC_HOST", "node", "n/a"),
    "%S": ("START_TIME", "start", "N/A"),
    "%e": ("END_TIME", "end", "N/A"),
    "%r": ("REASON", "reason", "None"),
    "%j": ("NAME", "name", ""),
}
ALIVE = ("PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "COMPLETING", "REQUEUE_HOLD")
Options = dict[str, str]


def main() -> int:
    command, argv = os.path.basename(sys.argv[0]), sys.argv[1:]
    with open(os.path.join(HERE, "calls"), "a") as calls:
        calls.write(" ".join([command, *argv]) + "\n")
    behaviour = read("behaviour.json").get(command, {})
    time.sleep(behaviour.get("delay", 0))
    if behaviour.get("after") or "returncode" not in behaviour:
        code = answer(command, argv, quiet="returncode" in behaviour)
    if "returncode" in behaviour:
        sys.stdout.write(behaviour.get("stdout", ""))
        sys.stderr.write(behaviour.get("stderr", ""))
        code = behaviour["returncode"]
    return code


def answer(command: str, argv: list[str], quiet: bool) -> int:
    with contextlib.redirect_stdout(io.StringIO() if quiet else sys.stdout):
        return {
            "sbatch": sbatch,
            "squeue": squeue,
            "sacct": sacct,
            "scancel": scancel,
            "scontrol": scontrol,
            "sinfo": sinfo,
            "sacctmgr": sacctmgr,
        }[command](argv)


def read(name: str) -> Any:
    try:
        with open(os.path.join(HERE, name)) as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


@contextlib.contextmanager
def queue() -> Iterator[Jobs]:
    """The jobs, for one command at a time; what is changed is kept."""
    with open(os.path.join(HERE, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        jobs = read("jobs.json")
        before = json.dumps(jobs)
        yield jobs
        after = json.dumps(jobs)
        if after != before:
            with open(os.path.join(HERE, "jobs.json.tmp"), "w") as file:
                file.write(after)
            os.replace(os.path.join(HERE, "jobs.json.tmp"), os.path.join(HERE, "jobs.json"))


def options(argv: list[str]) -> Options:
    pairs = (word[2:].partition("=") for word in argv if word.startswith("--"))
    return {name: value for name, _, value in pairs}


def fail(text: str) -> int:
    sys.stderr.write(text + "\n")
    return 1


def sbatch(argv: list[str]) -> int:
    request = options(argv)
    if request.get("partition", "main") != "main":
        sys.stderr.write(f"sbatch: error: invalid partition specified: {request['partition']}\n")
        return fail("sbatch: error: Batch job submission failed: Invalid partition name specified")
    with queue() as jobs:
        job_id = str(max((int(key) for key in jobs), default=0) + 1)
        jobs[job_id] = {
            "id": job_id,
            "name": request["job-name"],
            "user": os.environ.get("FAKE_SLURM_USER", "alice"),
            "state": "PENDING",
            "reason": "Priority",
            "script": sys.stdin.read(),
        }
    print(job_id)
    return 0


def squeue(argv: list[str]) -> int:
    if "-j" in argv:  # as batchspawner asks: squeue -h -j ID -o "%T %B"
        with queue() as jobs:
            job = jobs[argv[argv.index("-j") + 1]]
        print(job["state"], job.get("node", "n/a"))
        return 0
    request = options(argv)
    users = request["user"].split(",") if "user" in request else None
    form = request["format"].split("|")
    print("|".join([form[0], *(COLUMNS[item][0] for item in form[1:])]))
    with queue() as jobs:
        for job in jobs.values():
            if users is not None and job["user"] not in users:
                continue
            if "name" in request and job["name"] != request["name"]:
                continue
            if request.get("states") != "all" and job["state"] not in ALIVE:
                continue
            fields = (str(job.get(COLUMNS[item][1], COLUMNS[item][2])) for item in form[1:])
            print("|".join([form[0], *fields]))
    return 0


def sacct(argv: list[str]) -> int:
    request = options(argv)
    print(request["format"].replace(",", "|"))
    with queue() as jobs:
        for job in jobs.values():
            if job["id"] not in request.get("jobs", job["id"]).split(","):
                continue
            if request.get("name", job["name"]) != job["name"]:
                continue
            state = job["state"] + (" by 0" if job["state"] == "CANCELLED" else "")
            fields = (job["id"], state, job.get("exit", "0:0"), job["user"], "main")
            print("|".join([*fields, job.get("node", "None assigned"), job["name"]]))
    return 0


def scancel(argv: list[str]) -> int:
    with queue() as jobs:
        if argv[0] not in jobs:
            return fail(f"scancel: error: Kill job error on job id {argv[0]}: "
                        "Invalid job id specified")  # fmt: skip
        if jobs[argv[0]]["state"] in ALIVE:
            jobs[argv[0]]["state"] = "CANCELLED"
    return 0


def scontrol(argv: list[str]) -> int:
    if "config" in argv:
        print(
            f"ClusterName             = fake\nPrivateData             = {read('private') or 'none'}"
        )
        return 0
    if "partition" in argv:
        print(
            "PartitionName=main AllowAccounts=ALL AllowQos=ALL Default=YES QoS=N/A State=UP"
            " MaxTime=1-00:00:00 MaxCPUsPerNode=UNLIMITED MaxMemPerNode=UNLIMITED"
        )
        return 0
    with queue() as jobs:
        job = jobs.get(argv[-1])
    if job is None:
        return fail("slurm_load_jobs error: Invalid job id specified")
    print(f"JobId={job['id']} JobName={job['name']} JobState={job['state']} ExitCode=0:0")
    return 0


def sinfo(argv: list[str]) -> int:
    values = {
        "Partition": "main*",
        "StateLong": "idle",
        "Nodes": "2",
        "CPUs": "64",
        "CPUsState": "0/128/0/128",
        "Memory": "256000",
        "Gres": "(null)",
        "GresUsed": "gpu:0",
        "Features": "(null)",
    }
    columns = (word.partition(":") for word in options(argv)["Format"].split(","))
    print("".join(values[name].ljust(int(width)) for name, _, width in columns))
    return 0


def sacctmgr(argv: list[str]) -> int:
    if "qos" in argv:
        print("Name|MaxWall|MaxTRES|MaxTRESPU\nnormal|||")
    elif "associations" in argv:
        print("Cluster|Account|ParentName\nfake|root|\nfake|science|root")
    else:
        print("Cluster|Def Acct|Account|Partition|QOS|Def QOS\nfake|science|science||normal|normal")
    return 0


if __name__ == "__main__":
    sys.exit(main())
