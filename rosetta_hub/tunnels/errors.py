"""Errors of the tunnels' client, below those of `rosetta_hub.errors`.

RosettaError
├── Unavailable
│   └── TunnelsUnavailable   nobody answers on the socket: retry
└── TunnelsError             the process refused the call: a retry of the same does not help
"""

from rosetta_hub.errors import RosettaError, Unavailable


class TunnelsUnavailable(Unavailable):
    """The tunnels' process did not answer on its socket."""


class TunnelsError(RosettaError):
    """The tunnels' process answered with an error; the message is its explanation."""
