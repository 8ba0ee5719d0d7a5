"""A hub inside of a pod: what test_in_cluster.py runs there. Prints one line of JSON.

python -m tests.kubernetes.inside NAMESPACE AGENT_IMAGE WEB_IMAGE
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.e2e.deployment import Deployment, User, eventually

from .conftest import describe_image

Document = dict[str, Any]


def describe_cluster(namespace: str, agent_image: str) -> Document:
    """The cluster that this process is a pod of."""
    return {
        "id": "cloud",
        "name": "The own cluster",
        "type": "cluster",
        "access_mode": "api",
        "wms": "kubernetes",
        "container_engines": ["internal"],
        "default_cpus": 0.1,
        "default_memory": "64M",
        "max_time": "1h",
        "conf": {
            "in_cluster": True,
            "namespace": namespace,
            "tunnel": "pod",
            "agent_image": agent_image,
        },
    }


async def check(deployment: Deployment) -> Document:
    """What `rosetta-hub check` says of each thing that it looks at."""
    words = ["check", "--config", str(deployment.config), "cloud", "--json", "--wait", "90"]
    command = [sys.executable, "-m", "rosetta_hub", *words]
    result = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=200, check=False
    )
    results = json.loads(result.stdout)["cloud"]["checks"]
    return {item["name"]: (item["status"], item["text"]) for item in results}


async def use(user: User) -> Document:
    """A task from its start to its stop."""
    task = await user.start(software="web", computing="cloud")
    task = await user.until(task["id"], "running", "failed", seconds=120)
    if task["state"] != "running":
        return {"started": task["message"]}
    opened = await user.enter(task)

    async def answers() -> bool:
        return (await opened.get("/")).code == 200

    await eventually(answers, "the task answers", 60)
    page = (await opened.get("/")).body.decode()
    amount = len((await opened.get("/bytes?count=20000000")).body)
    await user.api("POST", f"tasks/{task['id']}/stop")
    stopped = await user.until(task["id"], "stopped", "failed", seconds=60)
    return {"started": "running", "page": page, "amount": amount, "stopped": stopped["state"]}


async def main(namespace: str, agent_image: str, web_image: str) -> None:
    """Check the cluster, and use it."""
    web = {"id": "web", "name": "Web", "environment": {"HOST": "0.0.0.0"}}
    software = [{**web, **describe_image(web_image)}]
    directory = Path(tempfile.mkdtemp())
    deployment = Deployment(directory, software, [describe_cluster(namespace, agent_image)])
    values: Document = {"check": await check(deployment)}
    await deployment.start()
    try:
        values["task"] = await use(await deployment.user("alice"))
    finally:
        await deployment.stop()
    print(json.dumps(values), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
