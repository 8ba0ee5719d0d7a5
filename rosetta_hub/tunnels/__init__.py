"""The tunnels: a process beside the edge that holds every connection to computing resources.

The service tells it which tunnels there are, and has it run commands; for each task it offers a
unix socket, which is what the edge connects to. It keeps nothing on disk.
"""

from rosetta_hub.tunnels.client import (
    CommandEnd,
    CommandStream,
    TunnelsClient,
    TunnelsError,
    TunnelState,
    TunnelsUnavailable,
)
from rosetta_hub.tunnels.process import (
    DialListener,
    TunnelsConfig,
    ensure_tunnels,
    run_tunnels,
    stop_tunnels,
)
from rosetta_hub.tunnels.routes import DirectRoute, ReverseRoute, Route, SshRoute, Tunnel

__all__ = [
    "CommandEnd",
    "CommandStream",
    "DialListener",
    "DirectRoute",
    "ReverseRoute",
    "Route",
    "SshRoute",
    "Tunnel",
    "TunnelState",
    "TunnelsClient",
    "TunnelsConfig",
    "TunnelsError",
    "TunnelsUnavailable",
    "ensure_tunnels",
    "run_tunnels",
    "stop_tunnels",
]
