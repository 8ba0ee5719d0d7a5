"""slurmrestd, with JSON web tokens."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.support.cluster import Cluster, wait_until

VERSIONS = ("v0.0.40", "v0.0.41", "v0.0.42")


def call(cluster: Cluster, path: str, token: str, body: object = None) -> dict[str, Any]:
    headers = {"X-SLURM-USER-NAME": "alice", "X-SLURM-USER-TOKEN": token}
    data = None if body is None else json.dumps(body).encode()
    headers |= {} if data is None else {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{cluster.slurmrest_url}/slurm/{path}", data, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return dict(json.load(answer))


@pytest.mark.parametrize("version", VERSIONS)
def test_ping(cluster: Cluster, version: str) -> None:
    pings = call(cluster, f"{version}/ping", cluster.make_token("alice"))["pings"]
    assert pings[0]["hostname"] == "controller"


def test_a_wrong_token_is_refused(cluster: Cluster) -> None:
    with pytest.raises(urllib.error.HTTPError) as error:
        call(cluster, "v0.0.41/jobs", cluster.make_token("bob"))
    assert error.value.code == 511  # what slurmrestd 24.11 says
    error.value.close()


def test_a_job_is_submitted_and_ends(cluster: Cluster) -> None:
    token = cluster.make_token("alice")
    job = {
        "script": "#!/bin/sh\nid -un\n",
        "job": {
            "name": "by-rest",
            "partition": "short",
            "current_working_directory": "/home/alice",
            "standard_output": "/home/alice/by-rest.out",
            "environment": ["PATH=/usr/bin:/bin"],
        },
    }
    number = call(cluster, "v0.0.41/job/submit", token, job)["job_id"]

    def state() -> str:
        return str(call(cluster, f"v0.0.41/job/{number}", token)["jobs"][0]["job_state"])

    wait_until(lambda: "COMPLETED" in state(), 30, "the job ends")
    assert cluster.run("login", ["cat", "by-rest.out"], "alice") == "alice\n"


def test_the_database_answers_too(cluster: Cluster) -> None:
    headers = {
        "X-SLURM-USER-NAME": "alice",
        "X-SLURM-USER-TOKEN": cluster.make_token("alice"),
    }
    url = f"{cluster.slurmrest_url}/slurmdb/v0.0.41/qos/"
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        names = {item["name"] for item in json.load(answer)["qos"]}
    assert names == {"normal", "long", "debug"}
