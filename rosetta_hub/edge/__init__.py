"""The edge: the process between browsers and containers (Node, `js/`), its client and its start."""

from rosetta_hub.edge.client import (
    Activity,
    EdgeClient,
    EdgeError,
    EdgeStatus,
    NotConnected,
    PortInUse,
    Session,
    TaskListener,
)
from rosetta_hub.edge.process import (
    EdgeConfig,
    HubAddresses,
    ensure_edge,
    run_edge,
    run_proxy,
    stop_edge,
)
from rosetta_hub.errors import EdgeUnavailable
from rosetta_hub.targets import Target, TcpTarget, UnixTarget

__all__ = [
    "Activity",
    "EdgeClient",
    "EdgeConfig",
    "EdgeError",
    "EdgeStatus",
    "EdgeUnavailable",
    "HubAddresses",
    "NotConnected",
    "PortInUse",
    "Session",
    "Target",
    "TaskListener",
    "TcpTarget",
    "UnixTarget",
    "ensure_edge",
    "run_edge",
    "run_proxy",
    "stop_edge",
]
