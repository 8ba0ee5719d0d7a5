"""Errors of the edge's client, below those of `rosetta_hub.errors`.

RosettaError
├── Unavailable
│   └── EdgeUnavailable   nobody answers on the socket: retry
└── EdgeError             the edge refused the call: a retry of the same does not help
    ├── NotConnected      the interface is not open: it is once the task runs
    └── PortInUse         the port of a task can't be bound: take another one
"""

from rosetta_hub.errors import EdgeUnavailable, RosettaError

__all__ = ["EdgeError", "EdgeUnavailable", "NotConnected", "PortInUse"]


class EdgeError(RosettaError):
    """The edge answered with an error; the message is its explanation."""


class NotConnected(EdgeError):
    """No connection to an interface: there is none, or it does not answer yet."""


class PortInUse(EdgeError):
    """Another program has the port, or this user may not bind it."""
