"""The life of a task: start, enter, stop, start again, delete."""

import json
import subprocess
from datetime import datetime

from rosetta_agent.spec import container_name

from .deployment import Deployment, User, eventually


def containers(task_id: str) -> list[str]:
    """The containers of a task that docker knows."""
    label = f"label=rosetta.task={task_id}"
    command = ["docker", "ps", "-a", "--filter", label, "--format={{.Names}}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


async def test_a_task_runs_and_is_entered(alice: User) -> None:
    task = await alice.start(software="echo", name="My echo")
    assert task["name"] == "My echo"
    task = await alice.until(task["id"], "running")
    assert containers(task["id"]) == [container_name(task["id"], 1)]
    opened = await alice.enter(task)
    answer = await opened.get("/some/path?x=1")
    assert answer.code == 200
    assert answer.body.decode().startswith("/some/path?x=1\n")


async def test_an_idle_task_ends_and_one_that_computes_goes_on(
    alice: User, deployment: Deployment
) -> None:
    """Nobody opens either. What the engines say of their CPUs tells them apart."""
    idle, busy = [await alice.start(software=name) for name in ("idle", "busy")]
    busy = await alice.until(busy["id"], "running")
    ended = await alice.until(idle["id"], "stopped")
    assert ended["message"] == (
        "Stopped, because nobody used the task for 5 s, nor did it compute."
    )
    # It was watched for as long, and longer.
    busy = await alice.until(busy["id"], "running")
    assert busy["lifetime"]["idle_since"] is None
    assert busy["usage"]["cpu_seconds"] > 1

    async def is_active_at_the_hub() -> bool:
        # What the hub's own idle culler goes by.
        servers = (await deployment.hub_api("GET", "/users/alice"))["servers"]
        used = datetime.fromisoformat(servers[busy["server_name"]]["last_activity"])
        return used > datetime.fromisoformat(busy["started"])

    await eventually(is_active_at_the_hub, "the hub is told")
    await alice.api("POST", f"tasks/{idle['id']}/start")
    assert (await alice.until(idle["id"], "running"))["attempt"] == 2


async def test_a_stopped_task_leaves_nothing_and_starts_again(
    alice: User, deployment: Deployment
) -> None:
    task = await alice.start(software="echo")
    task = await alice.until(task["id"], "running")
    opened = await alice.enter(task)
    await alice.api("POST", f"tasks/{task['id']}/stop")
    stopped = await alice.until(task["id"], "stopped")
    assert stopped["message"] == "Stopped."
    assert containers(task["id"]) == []

    async def closed() -> bool:
        return (await opened.get()).code == 599

    await eventually(closed, "the port is closed")
    again = await alice.api("POST", f"tasks/{task['id']}/start")
    assert again.code == 201, again.body
    task = await alice.until(task["id"], "running")
    assert task["attempt"] == 2
    assert (await (await alice.enter(task)).get()).code == 200
    old = await deployment.fetch("GET", opened.url, headers={"Cookie": opened.cookie})
    assert old.code in (302, 403, 599), "the cookie of the first attempt opens nothing"


async def test_a_queued_or_starting_task_is_cancelled(alice: User) -> None:
    task = await alice.start(software="silent")
    await alice.api("POST", f"tasks/{task['id']}/stop")
    task = await alice.until(task["id"], "stopped")
    assert containers(task["id"]) == []


async def test_the_log_is_kept_after_the_end(alice: User) -> None:
    task = await alice.start(software="echo")
    await alice.until(task["id"], "running")
    await alice.api("POST", f"tasks/{task['id']}/stop")
    await alice.until(task["id"], "stopped")
    log = await alice.api("GET", f"tasks/{task['id']}/log")
    assert b"echo is here" in log.body


async def test_delete_forgets_everything(alice: User, deployment: Deployment) -> None:
    task = await alice.start(software="echo")
    await alice.until(task["id"], "running")
    assert (await alice.api("DELETE", f"tasks/{task['id']}")).code == 202
    await alice.clean()
    assert containers(task["id"]) == []
    assert (await alice.api("GET", f"tasks/{task['id']}")).code == 404
    assert not list((deployment.state_dir / "logs").glob(f"{task['id']}*"))
    servers = (await deployment.hub_api("GET", "/users/alice"))["servers"]
    assert task["server_name"] not in servers


async def test_two_starts_of_one_name(alice: User) -> None:
    task = await alice.start(software="echo", server="mine")
    second = await alice.api("POST", "tasks", {"software": "echo", "server": "mine"})
    assert second.code == 409
    assert "already" in json.loads(second.body)["detail"]
    assert len(containers(task["id"])) <= 1


async def test_memory_and_cpus_are_applied(alice: User) -> None:
    task = await alice.start(software="echo", memory="300M", cpus=1.5)
    await alice.until(task["id"], "running")
    command = ["docker", "inspect", container_name(task["id"], 1)]
    raw = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    config = json.loads(raw)[0]["HostConfig"]
    assert config["Memory"] == 300 << 20
    assert config["NanoCpus"] == 1_500_000_000
    assert "no-new-privileges" in "".join(config["SecurityOpt"])
    assert any("NET_RAW" in drop for drop in config["CapDrop"])
    assert config["PidsLimit"] == 1024
