"""What can go wrong in the agent, sorted by who acts on it.

AgentError
├── SpecError       the spec is not acceptable: told to the caller, nothing was started
├── TaskFailure    ends the task: carries the reason of the report and the last words
├── StateUnknown   the engine could not be asked: ask again, conclude nothing
└── Cancelled      a stop was asked for while a step was under way
"""

#: The messages of failures for want of room, by their reasons.
NO_SPACE = {
    "disk_full": "The disk of the computing resource is full.",
    "quota_exceeded": "The quota on the computing resource is used up.",
}


class AgentError(Exception):
    """Everything the agent raises on purpose."""


class SpecError(AgentError):
    """The spec read from standard input cannot be carried out; its text names the key."""


class TaskFailure(AgentError):
    """The task is over; ``reason`` is one of the protocol's, ``message`` is for the user.

    ``detail`` holds the words of the engine or of the container, if there are any.
    """

    def __init__(self, reason: str, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.detail = detail


class StateUnknown(AgentError):
    """The engine did not answer, so nothing is known: neither running nor gone."""


class Cancelled(AgentError):
    """The step was given up because the task is to stop."""
