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
    limits = dict(one.split("=", 1) for one in options.l)
    limit = int(limits["walltime"]) if "walltime" in limits else None
    shell = ["/bin/sh", "-c", 'exec "$0"']
    number = store.submit(options.N, sys.stdin.read(), shell, limit, queue, queue == "held")
    print(f"\n{number}")
    return 0


def mdiag(argv: list[str]) -> int:
    if store.is_garbage():
        print("<Data><job ")
        return 0
    records = [one for one in store.jobs() if one["state"] != "ended"]
    print("<Data>" + "".join(describe(one) for one in records) + "</Data>")
    return 0


def showq(argv: list[str]) -> int:
    if store.is_garbage():
        print("ERROR")
        return 0
    records = [one for one in store.jobs() if one["state"] == "ended"]
    text = "".join(describe(one) for one in records)
    print(
        f'<Data><Object>queue</Object><queue count="{len(records)}" option="completed">{text}'
        "</queue></Data>"
    )
    return 0


def describe(one: store.Record) -> str:
    text = f'<job Class="{one["queue"]}" GJID="{one["id"]}" JobID="{one["id"]}"'
    text += f' JobName="{one["name"]}" User="{one["user"]}" State="{STATES[one["state"]]}"'
    text += f' StartTime="{one["started"]}" ReqAWDuration="{one["limit"] or 8640000}"'
    if one["state"] == "held":
        text += ' Hold="User"'
    if one["state"] == "ended":
        code = CODES.get(one["why"], one["code"])
        text += f' CompletionCode="{code}" AWDuration="{one.get("used", 0)}"'
    node = ' AllocNodeList="node1:1"' if one["state"] == "running" else ""
    return text + f"><req{node}/></job>"


def mjobctl(argv: list[str]) -> int:
    record = store.job(argv[1])
    if record is None or record["state"] == "ended":
        print(f"ERROR:  invalid job specified (job '{argv[1]}' not found)", file=sys.stderr)
        return 1
    store.cancel(record)
    print(f"\njob '{argv[1]}' cancelled")
    return 0
