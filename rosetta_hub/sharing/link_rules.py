"""Why a link lets somebody in no more, or not now: one message for each reason."""

from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.database.models_sharing import ShareLink
from rosetta_hub.errors import Conflict, NotAllowed, UserError


def explain_refusal(
    link: ShareLink, task: Task, user: str, has_use: bool = False
) -> UserError | None:
    """The error to raise; None where the user may come by the link.

    `has_use` is whether the user has used it already, and the hub has not answered.
    """
    now = utc_now()
    if user == task.user:
        return Conflict("This is your own task: hand the link on to those you want to let in.")
    if link.ended is not None:
        return Conflict(f"{task.user} has withdrawn this link. Ask for a new one.")
    if user in link.refused:
        return NotAllowed(f"Your access to this task has been ended. Ask {task.user} about it.")
    if link.users and user not in link.users:
        return NotAllowed(
            f"This link is meant for others: you are logged in as {user}. Ask {task.user} to share"
            " the task with you."
        )
    if link.expires <= now or (link.until is not None and link.until <= now):
        return Conflict(f"This link has expired. Ask {task.user} for a new one.")
    if link.uses_left <= 0 and not has_use:
        return Conflict(
            f"This link has been used as often as it may. Ask {task.user} for a new one."
        )
    if task.state.final:
        return Conflict(f"The task has ended. Ask {task.user} to start it again.")
    return None
