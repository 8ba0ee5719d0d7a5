"""condor_submit, condor_q, condor_history, condor_rm as HTCondor 23's."""

import json
import re
import sys
from pathlib import Path

from tests.dialects.fakes import store

NUMBERS = {"held": 5, "queued": 1, "running": 2, "ended": 4}


def main(argv: list[str]) -> int:
    command = argv[0]
    store.note_call([command, *argv[1:]])
    if command == "condor_version":
        print("$CondorVersion: 23.4.0 2024-02-08 $\n$CondorPlatform: x86_64_Debian12 $")
        return 0
    if store.is_down():
        print("ERROR: Can't find address of local schedd", file=sys.stderr)
        return 1
    commands = {"condor_submit": submit, "condor_rm": remove}
    return commands.get(command, lambda rest: query(command, rest))(argv[1:])


def submit(argv: list[str]) -> int:
    assert argv == ["-"]
    lines = [line.split(" = ", 1) for line in sys.stdin.read().splitlines() if " = " in line]
    description = dict(lines)
    if not description["request_cpus"].isdecimal() or description.get("bad"):
        print("ERROR: Parse error in expression", file=sys.stderr)
        return 1
    executable = Path(description["executable"])
    if executable.stat().st_mode & 0o077 or executable.parent.stat().st_mode & 0o077:
        print("ERROR: others can read the script", file=sys.stderr)
        return 1
    limit = description.get("allowed_execute_duration")
    number = store.submit(
        description["batch_name"],
        executable.read_text(),
        ["/bin/sh", "-c", 'exec "$0"'],
        int(limit) if limit else None,
        "",
        description.get("hold") == "true",
    )
    print(f"Submitting job(s).\n1 job(s) submitted to cluster {number}.")
    return 0


def query(command: str, argv: list[str]) -> int:
    if store.is_garbage():
        print('[\n{"ClusterId": 1,')
        return 0
    assert "-json" in argv
    history = command == "condor_history"
    records = [job for job in store.jobs() if (job["state"] == "ended") == history]
    if "-constraint" in argv:
        where = argv[argv.index("-constraint") + 1]
        owners = re.findall(r'Owner == "([^"]+)"', where)
        names = re.findall(r'JobBatchName == "([^"]+)"', where)
        records = [record for record in records if record["user"] in owners]
        records = [record for record in records if not names or record["name"] in names]
    else:
        records = [record for record in records if str(record["id"]) == argv[0]]
    ads = [describe(record) for record in records]
    print(json.dumps(ads, indent=1) if ads else "", end="")
    return 0


def describe(item: store.Record) -> dict[str, object]:
    ad = {"ClusterId": item["id"], "ProcId": 0, "JobBatchName": item["name"], "Owner": item["user"]}
    ad["JobStatus"] = NUMBERS[item["state"]]
    if item["state"] == "held":
        ad |= {"HoldReason": "submitted on hold at user's request", "HoldReasonCode": 15}
    if item["state"] == "running":
        ad |= {"RemoteHost": "slot1_1@node1", "JobCurrentStartDate": item["started"]}
    if item["why"] == "limit":
        reason = "The job attribute PeriodicRemove expression evaluated to TRUE"
        ad |= {"JobStatus": 3, "LastHoldReasonCode": 47, "RemoveReason": reason}
    elif item["why"] == "cancelled":
        ad |= {"JobStatus": 3, "RemoveReason": f"via condor_rm (by user {item['user']})"}
    elif item["state"] == "ended":
        ad |= {"ExitCode": item["code"], "LastRemoteHost": "slot1_1@node1"}
    return ad


def remove(argv: list[str]) -> int:
    record = store.job(argv[0])
    if record is None or record["state"] == "ended":
        print(f"Couldn't find/remove all jobs in cluster {argv[0]}.", file=sys.stderr)
        return 1
    store.cancel(record)
    print(f"All jobs in cluster {argv[0]} have been marked for removal")
    return 0
