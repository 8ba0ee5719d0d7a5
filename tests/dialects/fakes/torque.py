"""qsub, qstat, qdel as Torque's 6.1 (XML form, exit status 153 for an unknown job)."""

import argparse
import sys

from tests.dialects.fakes import store

LETTERS = {"held": "H", "queued": "Q", "running": "R", "ended": "C"}
CODES = {"limit": -11, "cancelled": 271}


def main(argv: list[str]) -> int:
    command = argv[0]
    store.note_call([command, *argv[1:]])
    if store.is_down():
        print("Error communicating with fake(127.0.0.1)", file=sys.stderr)
        print(
            f"Communication failure.\n{command}: cannot connect to server fake (errno=15137)"
            " could not connect to trqauthd",
            file=sys.stderr,
        )
        return 137
    return {"qsub": qsub, "qstat": qstat, "qdel": qdel}[command](argv[1:])


def qsub(argv: list[str]) -> int:
    parser = argparse.ArgumentParser()
    for option in "NCjorqA":
        parser.add_argument(f"-{option}", default="")
    parser.add_argument("-l", action="append", default=[])
    options = parser.parse_args(argv)
    queue = options.q or "batch"
    if queue not in ("batch", "held"):
        print("qsub: submit error (Unknown queue MSG=cannot locate queue)", file=sys.stderr)
        return 170
    limits = dict(item.split("=", 1) for item in options.l)
    limit = int(limits["walltime"]) if "walltime" in limits else None
    # The shell is told the name of the script, so the script's first line counts.
    shell = ["/bin/sh", "-c", 'exec "$0"']
    number = store.submit(options.N, sys.stdin.read(), shell, limit, queue, queue == "held")
    print(f"{number}.fake")
    return 0


def qstat(argv: list[str]) -> int:
    if argv[:1] == ["--version"]:
        print("Version: 6.1.3\nCommit: 0", file=sys.stderr)
    elif store.is_garbage():
        print("<Data><Job><Job_Id>1.fa")
    elif argv == ["-Q", "-f"]:
        for name in ("batch", "held"):
            print(
                f"Queue: {name}\n    queue_type = Execution\n    total_jobs = 0\n"
                "    resources_max.walltime = 24:00:00\n    enabled = True\n    started = True\n"
            )
    else:
        return show(argv)
    return 0


def show(argv: list[str]) -> int:
    assert argv[0] == "-x"
    records = store.jobs()
    if argv[1:]:
        job = store.job(argv[1])
        if job is None:
            print(f"qstat: Unknown Job Id Error {argv[1]}", file=sys.stderr)
            return 153
        records = [job]
    if records:
        print("<Data>" + "".join(describe(record) for record in records) + "</Data>")
    return 0


def describe(item: store.Record) -> str:
    text = f"<Job><Job_Id>{item['id']}.fake</Job_Id><Job_Name>{item['name']}</Job_Name>"
    text += f"<Job_Owner>{item['user']}@login</Job_Owner>"
    if item["started"]:
        text += (
            f"<resources_used><walltime>00:00:0{item.get('used', 0)}</walltime></resources_used>"
        )
        text += "<exec_host>node1/0</exec_host>"
        text += f"<start_time>{item['started']}</start_time>"
    text += f"<job_state>{LETTERS[item['state']]}</job_state><queue>{item['queue']}</queue>"
    limit = f"<walltime>{item['limit']}</walltime>" if item["limit"] else ""
    text += f"<Resource_List><nodes>1:ppn=1</nodes>{limit}</Resource_List>"
    if item["state"] == "ended":
        code = CODES.get(item["why"], item["code"])
        text += f"<exit_status>{code}</exit_status>" if item["code"] is not None else ""
    return text + "</Job>"


def qdel(argv: list[str]) -> int:
    record = store.job(argv[0])
    if record is None:
        print(f"qdel: Unknown Job Id Error {argv[0]}", file=sys.stderr)
        return 153
    if record["state"] == "ended":
        print(
            f"qdel: Request invalid for state of job MSG=invalid state for job - COMPLETE"
            f" {argv[0]}",
            file=sys.stderr,
        )
        return 170
    store.cancel(record)
    return 0
