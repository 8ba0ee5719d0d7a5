"""msub, mdiag, showq, mjobctl as Moab's (XML forms)."""

import argparse
import sys

from tests.dialects.fakes import store

STATES = {"held": "Hold", "queued": "Idle", "running": "Running", "ended": "Completed"}
CODES = {"limit": "-11", "cancelled": "CNCLD(271)"}


def main(argv: list[str]) -> int:
    command = argv[0]
    store.note_call([command, *argv[1:]])
    if argv[1:] == ["--version"]:
        print("Version: moab client 9.1.3")
        return 0
    if store.is_down():
        print("ERROR:    cannot connect to server (request: connection refused)", file=sys.stderr)
        return 1
    commands = {"msub": msub, "mdiag": mdiag, "showq": showq, "mjobctl": mjobctl}
    return commands[command](argv[1:])


def msub(argv: list[str]) -> int:
    parser = argparse.ArgumentParser()
    for option in "NCjorqA":
        parser.add_argument(f"-{option}", default="")
    parser.add_argument("-l", action="append", default=[])
    options = parser.parse_args(argv)
    queue = options.q or "batch"
    if queue not in ("batch", "held"):
        print(f"ERROR:    cannot submit job - invalid class '{queue}'", file=sys.stderr)
        return 1
    limits = dict(item.split("=", 1) for item in options.l)
    limit = int(limits["walltime"]) if "walltime" in limits else None
    shell = ["/bin/sh", "-c", 'exec "$0"']
    number = store.submit(options.N, sys.stdin.read(), shell, limit, queue, queue == "held")
    print(f"\n{number}")
    return 0


def mdiag(argv: list[str]) -> int:
    if store.is_garbage():
        print("<Data><job ")
        return 0
    records = [job for job in store.jobs() if job["state"] != "ended"]
    print("<Data>" + "".join(describe(record) for record in records) + "</Data>")
    return 0


def showq(argv: list[str]) -> int:
    if store.is_garbage():
        print("ERROR")
        return 0
    records = [job for job in store.jobs() if job["state"] == "ended"]
    text = "".join(describe(record) for record in records)
    print(
        f'<Data><Object>queue</Object><queue count="{len(records)}" option="completed">{text}'
        "</queue></Data>"
    )
    return 0


def describe(item: store.Record) -> str:
    text = f'<job Class="{item["queue"]}" GJID="{item["id"]}" JobID="{item["id"]}"'
    text += f' JobName="{item["name"]}" User="{item["user"]}" State="{STATES[item["state"]]}"'
    text += f' StartTime="{item["started"]}" ReqAWDuration="{item["limit"] or 8640000}"'
    if item["state"] == "held":
        text += ' Hold="User"'
    if item["state"] == "ended":
        code = CODES.get(item["why"], item["code"])
        text += f' CompletionCode="{code}" AWDuration="{item.get("used", 0)}"'
    node = ' AllocNodeList="node1:1"' if item["state"] == "running" else ""
    return text + f"><req{node}/></job>"


def mjobctl(argv: list[str]) -> int:
    record = store.job(argv[1])
    if record is None or record["state"] == "ended":
        print(f"ERROR:  invalid job specified (job '{argv[1]}' not found)", file=sys.stderr)
        return 1
    store.cancel(record)
    print(f"\njob '{argv[1]}' cancelled")
    return 0
