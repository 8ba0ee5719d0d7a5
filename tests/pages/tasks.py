"""Tasks to look at, as the API shows them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from .families import catalogue, inventory
from .stub import PREFIX, Stub

MB = 1 << 20
GB = 1 << 30
LOG = (
    "[I 10:01:02 ServerApp] jupyterlab | extension was successfully loaded.\n"
    "[I 10:01:03 ServerApp] Serving notebooks from local directory: /home/metauser\n"
    "[I 10:01:03 ServerApp] Jupyter Server 2.14 is running at:\n"
)


def make_task(task_id: str = "3f9a1c22b7e4", **changes: Any) -> dict[str, Any]:
    """A task as the API shows it: queued, of alice, unless changed."""
    task: dict[str, Any] = {
        "id": task_id,
        "user": "alice",
        "server_name": "my-casa",
        "name": "My CASA",
        "software": {
            "id": "casa",
            "name": "CASA",
            "version": "6.5",
            "image": "casa",
            "kind": "container",
            "logo": "",
        },
        "image": "casa:6.5",
        "image_digest": None,
        "exact": False,
        "computing": {"id": "local", "name": "This machine"},
        "engine": "docker",
        "runtime": None,
        "cpus": 1.5,
        "memory": 2 << 30,
        "state": "queued",
        "desired_state": "run",
        "message": "Waiting for This machine.",
        "progress": None,
        "warnings": [],
        "attempt": 1,
        "created": "2026-01-01T10:00:00Z",
        "started": None,
        "ended": None,
        "last_activity": None,
        "interface": {"protocol": "http", "url": None, "auth": "none"},
        "interfaces": [],
        "open_url": None,
        "page_url": f"{PREFIX}tasks/{task_id}",
        "log_tail": [],
        "usage": None,
        "job": None,
        "condition": None,
        "request": None,
        "lifetime": lifetime(),
        "can": {"stop": True, "start": False, "delete": True, "log": True, "keep": True},
    }
    return task | changes


def lifetime(**changes: Any) -> dict[str, Any]:
    """The planned end of a task: none, unless changed."""
    none = dict.fromkeys(("ends_at", "why", "stop_at", "idle_since", "idle_timeout", "longest"))
    return none | {"message": "", "keepable": False, "asks": False} | changes


def running(**changes: Any) -> dict[str, Any]:
    """What changes in a task that gets ready."""
    task_id = changes.get("id", "3f9a1c22b7e4")
    return {
        "state": "running",
        "message": "Running on This machine.",
        "progress": None,
        "started": "2026-01-01T10:01:00Z",
        "open_url": f"{PREFIX}open/{task_id}",
    } | changes


def dashboard(ready: bool, task_id: str = "3f9a1c22b7e4") -> dict[str, Any]:
    """A further interface of a task that runs."""
    url = f"{PREFIX}open/{task_id}?interface=8787"
    return {"name": "Dashboard", "port": 8787, "url": url, "ready": ready}


def make_usage(count: int = 60, gpus: bool = True) -> dict[str, Any]:
    """What a task used in so many minutes: more and more memory, now and then all CPUs."""
    begin = datetime(2026, 1, 1, 10, 1, tzinfo=UTC)
    points = [
        {
            "time": (begin + timedelta(minutes=number)).isoformat(),
            "cpus": None if number == 0 else 1.4 if number % 10 < 4 else 0.2,
            "memory": 400 * MB + number * 20 * MB,
            "gpu_percent": 40.0 + number % 20 if gpus else None,
            "gpu_memory": 9 * GB if gpus else None,
        }
        for number in range(count)
    ]
    return {
        "attempt": 1,
        "asked_for": {"cpus": 1.5, "memory": 2 * GB, "gpus": 1 if gpus else None},
        "gpu_memory_total": 40 * GB if gpus else None,
        "points": points,
        "summary": [
            "Memory: at most 1.5 GB of the 2 GB asked for (77 %).",
            "CPUs: 0.7 of the 1.5 asked for on average, 1.4 at most.",
        ],
    }


def queued_job(expected_start: str | None = None, **changes: Any) -> dict[str, Any]:
    """What makes a task one that waits in the queue of Vega."""
    job = {"id": "4711", "state": "PENDING", "reason": None, "node": None, "ends_at": None}
    request = {"partition": "main", "account": "astro", "time": 28800}
    return {
        "computing": {"id": "vega", "name": "Vega"},
        "engine": "singularity",
        "cpus": 64,
        "memory": 128 << 30,
        "message": "Waits for 64 free cores in `main`.",
        "request": request,
        "job": job | {"expected_start": expected_start} | changes,
    }


def running_job(ends_at: str, **changes: Any) -> dict[str, Any]:
    """What makes a task one that runs on a node of Vega."""
    job = {"state": "RUNNING", "node": "node03", "ends_at": ends_at}
    return queued_job(**job) | running(message="Running on Vega.", **changes)


def failed(message: str, log_tail: list[str]) -> dict[str, Any]:
    """What changes in a task that fails."""
    return {
        "state": "failed",
        "desired_state": "run",
        "message": message,
        "log_tail": log_tail,
        "ended": "2026-01-01T10:02:00Z",
        "open_url": None,
        "can": {"stop": False, "start": True, "delete": True, "log": True},
    }


def fill(stub: Stub) -> None:
    """A task in each state."""
    stub.families = catalogue()
    pulling = {"done": 312 * MB, "total": 1240 * MB}
    fetching = "Fetching the image to This machine: 312 MB of 1.2 GB."
    stub.put(make_task("a1", name="Line survey", message="Waiting for This machine."))
    stub.put(make_task("a2", state="starting", progress=pulling, message=fetching))
    web = running(id="a3", usage={"cpu_seconds": 10.0, "memory": 700 * MB})
    stub.put(make_task("a3", name="Reduction of NGC 1333, second try") | web)
    stub.usage["a3"] = make_usage()
    ssh = {"protocol": "ssh", "url": "ssh -p 7003 metauser@127.0.0.1", "auth": "password"}
    warning = "The task can't connect to other machines: slirp4netns is not installed."
    shell = running(open_url=None, interface=ssh, warnings=[warning])
    stub.put(make_task("a4", name="Shell") | shell)
    cause = "The image casa:6.7 does not exist in its registry. Choose another version."
    stub.put(make_task("a5", name="CASA 6.7") | failed(cause, LOG.splitlines()))
    ended = failed("Stopped.", []) | {"state": "stopped"}
    stub.put(make_task("a6", name="Yesterday's notebook") | ended)
    _fill_cluster(stub)
    for task in stub.tasks:
        stub.logs[task] = LOG * 3


def _fill_cluster(stub: Stub) -> None:
    """A task that waits in a queue, one at the end of its time, and one whose cluster is silent."""
    stub.inventory = {"vega": inventory() | {"collected": in_minutes(0)}}
    tomorrow, soon, later = (in_minutes(item) for item in (26 * 60, 5, 200))
    stub.put(make_task("a7", name="Cube of Orion") | queued_job(tomorrow))
    near = running_job(soon, id="a8", cpus=4, memory=16 * GB)
    stub.put(make_task("a8", name="Last minutes") | near)
    silent = "The login node of Vega does not answer since 14:02. The task goes on."
    stub.put(make_task("a9", name="Mosaic") | running_job(later, id="a9", condition=silent))


def in_minutes(minutes: float) -> str:
    """The time then, as the API writes it."""
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()
