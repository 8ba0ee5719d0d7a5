"""Errors of SSH, below those of `rosetta_hub.errors`. Each message is a message with what to do.

ResourceUnavailable
└── SshError          kind, as it travels between processes
    ├── Unreachable       no connection, or it was lost: retry          unreachable
    ├── TimedOut          the command did not end in time               timeout
    ├── Refused           connected, but the server refuses this        refused
    ├── HostKeyChanged    (HostKeyProblem) not the pinned host key      host_key_changed
    ├── HostKeyUnknown    (HostKeyProblem) no host key is pinned        host_key_unknown
    └── KeyRefused        (AuthenticationFailed)                        authentication
"""

from rosetta_hub.errors import AuthenticationFailed, HostKeyProblem, ResourceUnavailable


class SshError(ResourceUnavailable):
    """Something did not work over SSH; nothing is known about what was asked for."""

    kind = "unreachable"


class Unreachable(SshError):
    """There is no connection, or it was lost."""


class TimedOut(SshError):
    """The command did not end in time; its channel was closed."""

    kind = "timeout"


class SshRefused(SshError):
    """The server was reached and does not do what was asked for."""

    kind = "refused"


class HostKeyChanged(SshError, HostKeyProblem):
    """The server shows another host key than the pinned one."""

    kind = "host_key_changed"


class HostKeyUnknown(SshError, HostKeyProblem):
    """No host key is pinned for the server."""

    kind = "host_key_unknown"


class KeyRefused(SshError, AuthenticationFailed):
    """The server does not accept the key for this user name."""

    kind = "authentication"


_BY_KIND: dict[str, type[SshError]] = {
    error.kind: error
    for error in (Unreachable, TimedOut, SshRefused, HostKeyChanged, HostKeyUnknown, KeyRefused)
}


def build_error(kind: str, message: str) -> SshError:
    """The error of a kind; one that is not known is `Unreachable`."""
    return _BY_KIND.get(kind, Unreachable)(message)
