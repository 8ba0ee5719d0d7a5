"""The jobs of a fake scheduler, a file each, and the processes that run them.

The directory is `$FAKE_SCHEDULER`. A file `down` in it makes every command fail as it does when
the real scheduler can't be reached; `garbage` makes queries print nonsense. Every call is a line
of `calls`.
"""

import fcntl
import getpass
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(os.environ["FAKE_SCHEDULER"])
USER = getpass.getuser()
Record = dict[str, Any]


def note_call(argv: list[str]) -> None:
    with (ROOT / "calls").open("a") as calls:
        calls.write(json.dumps(argv) + "\n")


def is_down() -> bool:
    return (ROOT / "down").exists()


def is_garbage() -> bool:
    return (ROOT / "garbage").exists()


def save(record: Record) -> None:
    path = ROOT / f"job-{record['id']}"
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(record))
    part.replace(path)


def jobs() -> list[Record]:
    values = [json.loads(path.read_text()) for path in ROOT.glob("job-*") if path.suffix != ".part"]
    return sorted(values, key=lambda record: int(record["id"]))


def job(job_id: str) -> Record | None:
    return next((item for item in jobs() if str(item["id"]) == job_id.partition(".")[0]), None)


def submit(
    name: str, script: str, shell: list[str], limit: int | None, queue: str, value: bool
) -> int:
    """Keep a job and, when it is not held, run it: `shell` and then the script's file."""
    with (ROOT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        number = len(jobs()) + 1
        record = {"id": number, "name": name, "user": USER, "queue": queue, "limit": limit}
        record |= {"state": "held" if value else "queued", "code": None, "why": "", "started": 0}
        save(record)
    file = ROOT / f"script-{number}"
    file.write_text(script)
    file.chmod(0o700)
    if not value:
        argv = [sys.executable, __file__, str(number), *shell, str(file)]
        null = subprocess.DEVNULL
        subprocess.Popen(argv, stdin=null, stdout=null, stderr=null, start_new_session=True)
    return number


def cancel(record: Record) -> None:
    (ROOT / f"cancel-{record['id']}").touch()
    if record["state"] == "held":
        save({**record, "state": "ended", "why": "cancelled"})


def run(number: str, argv: list[str]) -> None:
    """The node: runs a job to its end, its limit or its cancelling."""
    record = job(number)
    assert record is not None
    started = time.time()
    process = subprocess.Popen(argv, start_new_session=True)
    record |= {"state": "running", "started": int(started)}
    save(record)
    limit = record["limit"]
    while process.poll() is None:
        timed_out = limit is not None and time.time() - started > limit
        if timed_out or (ROOT / f"cancel-{number}").exists():
            record["why"] = "limit" if timed_out else "cancelled"
            os.killpg(process.pid, signal.SIGKILL)
            break
        time.sleep(0.02)
    save({**record, "state": "ended", "code": process.wait(), "used": int(time.time() - started)})


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2:])
