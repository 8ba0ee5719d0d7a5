"""Decides which change of a task is worth a mail, and puts it into the queue."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from rosetta_hub.database.models import DesiredState, Task, TaskState, utc_now
from rosetta_hub.database.models_mail import Mail, MailKind, MailState
from rosetta_hub.mail.preferences import read_preferences
from rosetta_hub.mail.settings import MailOptions
from rosetta_hub.tasks.changes import Before

# The agent's warning, ten minutes before the end of its job.
TIME_LIMIT_WARNING = "time_limit_near"


class Notifier:
    """A `Watcher` of the task manager: a mail is queued in the transaction of what it tells.

    A mail is for somebody who has turned to something else. What happens within `mail_after`
    seconds (a minute) of pressing start is seen on the page, which opens the task by itself; so a
    local task that starts in two seconds mails nobody, and one that waited in a queue, or for its
    image, does. Nobody is told of the end of a task that the user has stopped.
    """

    def __init__(self, settings: MailOptions) -> None:
        self._available = settings.mail_available
        self._domain = str(settings.mail_domain)
        self._patience = timedelta(seconds=settings.mail_after)

    def watch(self, session: Session, before: Before, task: Task) -> None:
        """Queue the mail that this change is worth, if its user wants one."""
        if not self._available or task.desired_state is DesiredState.STOP:
            return
        now = utc_now()
        kind = self._kind(before, task, now)
        if kind is None or not read_preferences(session, task.user, self._domain).wants(kind):
            return
        mail = session.get(Mail, (task.id, task.attempt, kind))
        # A job that is requeued starts twice: its user is told once.
        if mail is None or kind is MailKind.END:
            session.merge(_queued(task, kind, now))

    def _kind(self, before: Before, task: Task, now: datetime) -> MailKind | None:
        waited = now - task.created >= self._patience
        if waited and task.state is TaskState.RUNNING and before.state is not TaskState.RUNNING:
            return MailKind.STARTED
        if waited and task.state is TaskState.FAILED and before.state is not TaskState.FAILED:
            return MailKind.FAILED
        if TIME_LIMIT_WARNING in set(task.warnings) - set(before.warnings):
            return None if task.state.final else MailKind.LIMIT
        if task.end_announced is not None and before.end_announced is None:
            return None if task.state.final else MailKind.END
        return None


def _queued(task: Task, kind: MailKind, now: datetime) -> Mail:
    return Mail(
        task_id=task.id,
        attempt=task.attempt,
        kind=kind,
        user=task.user,
        state=MailState.WAITING,
        tries=0,
        created=now,
        next_try=now,
    )
