"""Errors of the edge's client, below those of `rosetta_hub.errors`.

RosettaError
├── Unavailable
│   └── EdgeUnavailable   nobody answers on the socket: retry
└── EdgeError             the edge refused the call: a retry of the same does not help
    └── PortInUse         the port of a task can't be bound: take another one
"""

from rosetta_hub.errors import EdgeUnavailable, RosettaError

__all__ = ["EdgeError", "EdgeUnavailable", "PortInUse"]


class EdgeError(RosettaError):
    """The edge answered with an error; the message is its explanation."""


class PortInUse(EdgeError):
    """Another program has the port, or this user may not bind it."""
