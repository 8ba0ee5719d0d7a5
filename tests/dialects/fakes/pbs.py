"""qsub, qstat, qdel as OpenPBS's (long text form with wrapped lines, history with -x)."""

import argparse
import sys

from tests.dialects.fakes import store

LETTERS = {"held": "H", "queued": "Q", "running": "R", "ended": "F"}
CODES = {"limit": -29, "cancelled": 271}


def main(argv: list[str]) -> int:
    command = argv[0]
    store.note_call([command, *argv[1:]])
    if store.is_down():
        print("Connection refused", file=sys.stderr)
        print(f"{command}: cannot connect to server fake (errno=111)", file=sys.stderr)
        return 255
    return {"qsub": qsub, "qstat": qstat, "qdel": qdel}[command](argv[1:])


def qsub(argv: list[str]) -> int:
    parser = argparse.ArgumentParser()
    for option in "NCjorqA":
        parser.add_argument(f"-{option}", default="")
    parser.add_argument("-l", action="append", default=[])
    options = parser.parse_args(argv)
    queue = options.q or "workq"
    if queue not in ("workq", "held"):
        print("qsub: Unknown queue", file=sys.stderr)
        return 170
    limits = dict(item.split("=", 1) for item in options.l)
    limit = int(limits["walltime"]) if "walltime" in limits else None
    shell = ["/bin/sh", "-c", 'exec "$0"']
    number = store.submit(options.N, sys.stdin.read(), shell, limit, queue, queue == "held")
    print(f"{number}.fake")
    return 0


def qstat(argv: list[str]) -> int:
    if argv[:1] == ["--version"]:
        print("pbs_version = 23.06.06")
        return 0
    if store.is_garbage():
        print("/bin/sh: line 1: 1234 Segmentation fault")
        return 0
    if argv == ["-Q", "-f"]:
        print(
            "Queue: workq\n    queue_type = Execution\n    total_jobs = 0\n"
            "    enabled = True\n    started = True\n"
        )
        return 0
    history = argv[0] == "-fx"
    records = [job for job in store.jobs() if history or job["state"] != "ended"]
    if argv[1:]:
        job = store.job(argv[1])
        if job is None:
            print(f"qstat: Unknown Job Id {argv[1]}", file=sys.stderr)
            return 153
        records = [job]
    print("".join(describe(record) for record in records), end="")
    return 0


def describe(item: store.Record) -> str:
    used = bool(item["started"])
    lines = [
        f"Job Id: {item['id']}.fake",
        f"    Job_Name = {item['name']}",
        f"    Job_Owner = {item['user']}@login",
        *([f"    resources_used.walltime = 00:00:0{item.get('used', 0)}"] if used else []),
        f"    job_state = {LETTERS[item['state']]}",
        f"    queue = {item['queue']}",
        *(["    exec_host = node1/0"] if used else []),
        *([f"    Resource_List.walltime = 00:00:0{item['limit']}"] if item["limit"] else []),
        "    Variable_List = PBS_O_HOME=/home/alice,PBS_O_LANG=C,",
        "\tPBS_O_PATH=/usr/bin:/bin",
    ]
    if item["state"] == "ended" and item["code"] is not None:
        lines.append(f"    Exit_status = {CODES.get(item['why'], item['code'])}")
    return "\n".join([*lines, "", ""])


def qdel(argv: list[str]) -> int:
    record = store.job(argv[0])
    if record is None:
        print(f"qdel: Unknown Job Id {argv[0]}", file=sys.stderr)
        return 153
    if record["state"] == "ended":
        print(f"qdel: Job has finished {argv[0]}", file=sys.stderr)
        return 35
    store.cancel(record)
    return 0
