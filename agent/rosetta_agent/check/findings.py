"""How the findings of a check reach the hub: a file in the home, or an exit status."""

import json
import os
import time
from typing import Any, Dict

from rosetta_agent.errors import AgentError, SpecError
from rosetta_agent.protocol import CHECK_FAULTS, CHECK_STATUS_BASE

_POLL_SECONDS = 0.2

Findings = Dict[str, Any]


def exit_status(findings: Findings) -> int:
    """CHECK_STATUS_BASE and a bit of CHECK_FAULTS for each fault; what was not tried has none."""
    urls = findings["urls"]
    faults = {
        "engines": any("error" in engine for engine in findings["engines"].values()),
        "namespaces": not findings["namespaces"]["ok"],
        "service": urls.get("service", {}).get("status") != 200,
        "tunnels": "error" in urls.get("tunnels", {}),
        "image": "error" in (findings["image"] or {}),
        "container": "error" in (findings["container"] or {}),
    }
    return CHECK_STATUS_BASE + sum(CHECK_FAULTS[name] for name in CHECK_FAULTS if faults[name])


def publish(name: str, findings: Findings) -> None:
    """Write the file ``name`` in the home anew, private and complete at once."""
    path = os.path.join(os.path.expanduser("~"), name)
    descriptor = os.open(path + ".part", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(findings, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".part", path)


def wait_until_read(name: str, seconds: float) -> None:
    """Wait for the file ``<name>.stop``, by which the hub says that it has read all."""
    home = os.path.expanduser("~")
    deadline = time.monotonic() + seconds
    # listdir: NFS remembers for a while that a file is not there.
    while time.monotonic() < deadline and name + ".stop" not in os.listdir(home):
        time.sleep(_POLL_SECONDS)


def fault(error: AgentError) -> Dict[str, str]:
    """A failure as a finding: the reason that a task would report, and all of its words."""
    otherwise = "unsupported" if isinstance(error, SpecError) else "engine_unavailable"
    reason, detail = getattr(error, "reason", otherwise), getattr(error, "detail", "")
    text = str(error) if not detail or detail in str(error) else "{} ({})".format(error, detail)
    return {"reason": reason, "error": text}
