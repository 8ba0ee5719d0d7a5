"""The mails about tasks that wait to be sent."""

from datetime import timedelta
from email.message import EmailMessage

from sqlalchemy import ColumnElement

from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import DesiredState, Task, TaskState, utc_now
from rosetta_hub.database.models_mail import Mail, MailKind, MailState
from rosetta_hub.lifetimes.lifetimes import NO_LIFETIMES, Lifetimes
from rosetta_hub.mail.preferences import Preferences, read_preferences
from rosetta_hub.mail.queue import Key, MailQueue
from rosetta_hub.mail.writers import MailWriter
from rosetta_hub.users.dates import zone_of

# News of yesterday are none.
LIFETIME = timedelta(days=1)

_STATES = {
    MailKind.STARTED: TaskState.RUNNING,
    MailKind.FAILED: TaskState.FAILED,
    MailKind.LIMIT: TaskState.RUNNING,
}
_TOLD = {
    MailKind.STARTED: "runs",
    MailKind.FAILED: "failed",
    MailKind.LIMIT: "reaches its time limit soon",
    MailKind.END: "is stopped soon",
}


class TaskMails(MailQueue):
    """Mails to the users of tasks: each is sent only if it is still so, and still wanted."""

    model = Mail

    def __init__(
        self, database: Database, settings: Rosetta, lifetimes: Lifetimes = NO_LIFETIMES
    ) -> None:
        super().__init__(database)
        self._domain = str(settings.mail_domain)
        self._writer = MailWriter(settings, lifetimes)

    def prepare(self, key: Key) -> EmailMessage | None:
        """See `MailQueue`."""
        with self._database.session() as session:
            mail, task = session.get(Mail, key), session.get(Task, key[0])
            if mail is None or task is None or mail.state is not MailState.WAITING:
                return None
            preferences = read_preferences(session, task.user, self._domain)
            if not _is_news(mail, task, preferences):
                mail.state = MailState.DROPPED
                return None
            zone = zone_of(session, task.user)
        return self._writer.write(mail, task, str(preferences.address), zone)

    def describe(self, key: Key) -> str:
        """See `MailQueue`."""
        return f"task {key[0]} {_TOLD[key[2]]}"

    def late(self) -> ColumnElement[bool]:
        """See `MailQueue`."""
        return Mail.created < utc_now() - LIFETIME


def _is_news(mail: Mail, task: Task, preferences: Preferences) -> bool:
    """Whether what the mail tells is still so, and still wanted."""
    if mail.kind is MailKind.END:
        same = task.end_announced is not None and not task.state.final
    else:
        same = task.state is _STATES[mail.kind]
    is_wanted = task.desired_state is DesiredState.RUN and preferences.wants(mail.kind)
    return same and is_wanted and mail.attempt == task.attempt
