"""A spec with every key set, for the tests of pure functions."""

import json
from typing import Any

from rosetta_agent.spec import AgentSpec, parse_spec


def full_order(**changes: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "version": 1,
        "task": "3f9a1c22b7e4",
        "attempt": 2,
        "secret": "hidden",
        "report_url": "http://127.0.0.1:8095/services/rosetta/agents/3f9a1c22b7e4/2",
        "work_dir": "/tmp/rosetta-0",
        "engine": "docker",
        "runtime": "runsc",
        "image": {
            "reference": "localhost:5000/casa:6.5",
            "digest": None,
            "pull": "missing",
            "platform": "linux/amd64",
        },
        "interface": {"port": 8888, "protocol": "http", "custom_port": True, "path": "/lab"},
        "environment": {"AUTH_PASS": "hidden too", "PATH": "/opt/bin:/bin"},
        "command": ["serve", "--all"],
        "limits": {"cpus": 1.5, "memory": 2147483648, "pids": 1024},
        "hardening": {
            "no_new_privileges": True,
            "drop_capabilities": ["NET_RAW"],
            "add_capabilities": ["SYS_NICE"],
            "read_only": True,
            "user": "1000:1000",
        },
        "binds": [
            {"source": "/data/alice", "target": "/storages/data", "read_only": False},
            {"source": "/data/all", "target": "/storages/all", "read_only": True},
        ],
        "timeouts": {"answer": 120, "stop": 10, "unanswered": 3600},
        "heartbeat": 5,
        "engine_options": ["--ulimit", "core=0"],
    }
    return {**spec, **changes}


def full_job(**changes: Any) -> AgentSpec:
    return parse_spec(json.dumps(full_order(**changes)))


def plain_job(**changes: Any) -> AgentSpec:
    """Only what has no default."""
    spec = full_order()
    values = ("version", "task", "attempt", "secret", "report_url", "work_dir", "engine")
    plain = {name: spec[name] for name in values}
    plain["image"] = {"reference": "casa"}
    plain["interface"] = {"port": 80, "protocol": "http"}
    return parse_spec(json.dumps({**plain, **changes}))
