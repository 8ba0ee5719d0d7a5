"""bsub, bjobs, bkill, bqueues as LSF 10.1's. `-W` counts seconds here, not minutes."""

import argparse
import json
import sys

from tests.dialects.fakes import store

STATES = {"held": "PSUSP", "queued": "PEND", "running": "RUN"}


def main(argv: list[str]) -> int:
    command = argv[0]
    store.note_call([command, *argv[1:]])
    if argv[1:] == ["-V"]:
        print("IBM Spectrum LSF Standard 10.1.0.13", file=sys.stderr)
        return 0
    if store.is_down():
        print("LSF is down. Please wait ...", file=sys.stderr)
        return 255
    commands = {"bsub": bsub, "bjobs": bjobs, "bkill": bkill, "bqueues": bqueues}
    return commands[command](argv[1:])


def bsub(argv: list[str]) -> int:
    parser = argparse.ArgumentParser()
    for option in ("J", "o", "n", "M", "W", "q", "P", "U", "gpu"):
        parser.add_argument(f"-{option}", default="")
    parser.add_argument("-rn", action="store_true")
    parser.add_argument("-R", action="append", default=[])
    options = parser.parse_args(argv)
    queue = options.q or "normal"
    if queue not in ("normal", "held"):
        print(f"{queue}: No such queue. Job not submitted.", file=sys.stderr)
        return 255
    limit = int(options.W) if options.W else None
    script = sys.stdin.read()
    number = store.submit(options.J, script, ["/bin/sh"], limit, queue, queue == "held")
    print(f"Job <{number}> is submitted to default queue <{queue}>.")
    return 0


def bjobs(argv: list[str]) -> int:
    if store.is_garbage():
        print('{\n  "COMMAND":"bjobs",\n  "JOBS":12,\n  "RECORDS":[')
        return 0
    assert "-json" in argv
    if "-u" in argv:
        user = argv[argv.index("-u") + 1]
        records = [describe(job) for job in store.jobs() if user in ("all", job["user"])]
    else:
        value = argv[argv.index("-json") - 1]
        job = store.job(value)
        missing = {"JOBID": value, "ERROR": f"Job <{value}> is not found"}
        records = [missing if job is None else describe(job)]
    print(json.dumps({"COMMAND": "bjobs", "JOBS": len(records), "RECORDS": records}, indent=2))
    return 0


def describe(item: store.Record) -> dict[str, str]:
    record = dict.fromkeys(("EXEC_HOST", "PEND_REASON", "EXIT_CODE", "EXIT_REASON"), "")
    record |= {"JOBID": str(item["id"]), "JOB_NAME": item["name"], "USER": item["user"]}
    record |= {"QUEUE": item["queue"], "RUN_TIME": f"{item.get('used', 0)} second(s)"}
    record["RUNTIMELIMIT"] = f"{item['limit']:.1f}" if item["limit"] else ""
    if item["state"] != "ended":
        record["STAT"] = STATES[item["state"]]
        record["EXEC_HOST"] = "node1" if item["state"] == "running" else ""
        record["PEND_REASON"] = "" if item["state"] == "running" else "New job is waiting;"
        return record
    reasons = {
        "limit": "TERM_RUNLIMIT: job killed after reaching LSF run time limit",
        "cancelled": "TERM_OWNER: job killed by owner",
    }
    code = item["code"] or 0
    record["STAT"] = "EXIT" if code or item["why"] else "DONE"
    record["EXIT_CODE"] = str(128 - code if code < 0 else code) if code else ""
    record["EXIT_REASON"] = reasons.get(item["why"], "")
    return record


def bkill(argv: list[str]) -> int:
    record = store.job(argv[0])
    if record is None:
        print(f"Job <{argv[0]}>: No matching job found", file=sys.stderr)
        return 255
    if record["state"] == "ended":
        print(f"Job <{argv[0]}>: Job has already finished", file=sys.stderr)
        return 255
    store.cancel(record)
    print(f"Job <{argv[0]}> is being terminated")
    return 0


def bqueues(argv: list[str]) -> int:
    print(
        "QUEUE_NAME      PRIO STATUS          MAX JL/U JL/P JL/H NJOBS  PEND   RUN  SUSP\n"
        "normal           30  Open:Active       -    -    -    -     0     0     0     0\n"
        "held             20  Open:Inact        -    -    -    -     0     0     0     0"
    )
    return 0
