"""qsub, qstat, qacct, qdel, qconf as Son of Grid Engine 8.1.9's, whose words are recorded."""

import argparse
import sys

from tests.dialects.fakes import store

STATES = {"held": "hqw", "queued": "qw", "running": "r"}
DOWN = """error: commlib error: got select error (Connection refused)
unable to send message to qmaster using port 6444 on host "sgehost": got send error"""


def main(argv: list[str]) -> int:
    command = argv[0]
    store.note_call([command, *argv[1:]])
    if argv[1:] == ["-help"]:
        print("SGE 8.1.9\nusage: qstat [options]")
        return 0
    if store.is_down() and command != "qacct":  # which reads a file
        print(DOWN, file=sys.stderr)
        return 1
    commands = {"qsub": qsub, "qstat": qstat, "qdel": qdel, "qacct": qacct, "qconf": qconf}
    return commands[command](argv[1:])


def qsub(argv: list[str]) -> int:
    parser = argparse.ArgumentParser()
    for option in ("N", "C", "S", "j", "o", "r", "w", "q", "P"):
        parser.add_argument(f"-{option}", default="")
    parser.add_argument("-terse", action="store_true")
    parser.add_argument("-l", action="append", default=[])
    options = parser.parse_args(argv)
    queue = options.q or "main.q"
    if queue not in ("main.q", "held"):
        print(
            f'Unable to run job: Job was rejected because job requests unknown queue "{queue}"'
            "\nExiting.",
            file=sys.stderr,
        )
        return 1
    limits = dict(item.split("=", 1) for item in options.l)
    limit = int(limits["h_rt"]) if "h_rt" in limits else None
    script = sys.stdin.read()
    number = store.submit(options.N, script, [options.S], limit, queue, queue == "held")
    print(number)
    return 0


def qstat(argv: list[str]) -> int:
    if store.is_garbage():
        print("<?xml version='1.0'?>\n<job_info><queue_info>")
        return 0
    users = argv[argv.index("-u") + 1].split(",")
    print("<?xml version='1.0'?>\n<job_info  xmlns:xsd=\"http://arc.liv.ac.uk/qstat.xsd\">")
    for tag, states in (("queue_info", ("running",)), ("job_info", ("queued", "held"))):
        print(f"  <{tag}>")
        for job in store.jobs():
            if job["state"] in states and job["user"] in users:
                print(describe(job))
        print(f"  </{tag}>")
    print("</job_info>")
    return 0


def describe(item: store.Record) -> str:
    running = item["state"] == "running"
    return f"""    <job_list state="{"running" if running else "pending"}">
      <JB_job_number>{item["id"]}</JB_job_number>
      <JB_name>{item["name"]}</JB_name>
      <JB_owner>{item["user"]}</JB_owner>
      <state>{STATES[item["state"]]}</state>
      <queue_name>{f"{item['queue']}@node1" if running else ""}</queue_name>
      <slots>1</slots>
      <full_job_name>{item["name"]}</full_job_name>
    </job_list>"""


def qacct(argv: list[str]) -> int:
    if store.is_garbage():
        print("Total System Usage")
        return 0
    value = argv[1]
    ended = [job for job in store.jobs() if job["state"] == "ended" and job["code"] is not None]
    values = [item for item in ended if value in (str(item["id"]), item["name"])]
    if not values:
        kind = "id" if value.isdecimal() else "name"
        print(f"error: job {kind} {value} not found", file=sys.stderr)
        return 1
    for item in values:
        failed = {
            "limit": "37  : qmaster enforced h_rt, h_cpu, or h_vmem limit",
            "cancelled": "100 : assumedly after job",
        }.get(item["why"], "0")
        code = (
            f"{128 - item['code']}                  (Killed)" if item["code"] < 0 else item["code"]
        )
        category = f"-l h_rt={item['limit']}" if item["limit"] else "NONE"
        print(
            f"{'=' * 62}\nqname        {item['queue']}\nhostname     node1\n"
            f"owner        {item['user']}\njobname      {item['name']}\njobnumber    {item['id']}\n"
            f"failed       {failed}\nexit_status  {code}\nru_wallclock {item['used']}s\n"
            f"category     {category}"
        )
    return 0


def qdel(argv: list[str]) -> int:
    record = store.job(argv[0])
    if record is None or record["state"] == "ended":
        print(f'denied: job "{argv[0]}" does not exist')
        return 1
    store.cancel(record)
    print(f"{store.USER} has registered the job {argv[0]} for deletion")
    return 0


def qconf(argv: list[str]) -> int:
    print("main.q\nheld")
    return 0
