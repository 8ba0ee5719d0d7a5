"""The queue of mails: looks after it, and hands them to the mail server."""

import logging
from datetime import timedelta
from email.message import EmailMessage

from sqlalchemy import select, update

from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import DesiredState, Task, TaskState, utc_now
from rosetta_hub.database.models_user import Mail, MailKind, MailState
from rosetta_hub.mail.errors import MailRefused, MailServerUnavailable
from rosetta_hub.mail.messages import MailWriter
from rosetta_hub.mail.preferences import Preferences, read_preferences
from rosetta_hub.mail.transport import SmtpConnection, Transport

log = logging.getLogger(__name__)

# Mails of one connection.
BATCH = 100
# News of yesterday are none.
LIFETIME = timedelta(days=1)
FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(minutes=15)
# How often a mail is sent of which nobody knows whether it was taken.
MAX_UNANSWERED = 3

Key = tuple[str, int, MailKind]


class MailSender:
    """Sends what is in the queue, oldest first.

    A mail is marked `sending` before its text goes out, and `sent` after. A service that was
    killed in between does not know whether the server took it, and does not send it again: at
    most once. Where the server itself gave no answer the mail is sent again, as SMTP asks for,
    with the same Message-ID and three times at most.
    """

    def __init__(self, database: Database, settings: Rosetta) -> None:
        self._database = database
        self._domain = str(settings.mail_domain)
        self._transport = Transport(settings)
        self._writer = MailWriter(settings)
        self._failures = 0
        self._not_before = utc_now()
        self._recovered = False

    async def step(self) -> None:
        """One round: all mails that are due, over one connection.

        Raises:
            MailServerUnavailable: it does not serve us; all mails wait, longer each time.
        """
        self._tidy()
        keys = self._due()
        if not keys or utc_now() < self._not_before:
            return
        try:
            async with self._transport.connect() as connection:
                for key in keys:
                    await self._send(connection, key)
        except MailServerUnavailable:
            self._not_before = utc_now() + backoff(self._failures)
            self._failures += 1
            raise
        self._failures = 0

    async def _send(self, connection: SmtpConnection, key: Key) -> None:
        message = self._prepare(key)
        if message is None:
            return
        address = str(message["To"])
        try:
            await connection.offer(address)
            self._mark(key, MailState.SENDING, address=address)
            await connection.hand_over(message)
        except MailRefused as error:
            self._refused(key, address, error)
        except MailServerUnavailable:
            self._unanswered(key)
            raise
        else:
            self._mark(key, MailState.SENT)
            log.info("%s: told its user by mail that it %s", key[0], _TOLD[key[2]])

    def _prepare(self, key: Key) -> EmailMessage | None:
        """The mail, or None where it is of no use any more."""
        with self._database.session() as session:
            mail, task = session.get(Mail, key), session.get(Task, key[0])
            if mail is None or task is None or mail.state is not MailState.WAITING:
                return None
            chosen = read_preferences(session, task.user, self._domain)
            if not _is_news(mail, task, chosen):
                mail.state = MailState.DROPPED
                return None
        return self._writer.write(key[2], task, str(chosen.address))

    def _refused(self, key: Key, address: str, error: MailRefused) -> None:
        log.warning("%s: the mail server refused a mail: %s", key[0], error)
        message = f"The mail server refused the last mail to {address}: {error}"
        if error.temporary:
            self._retry(key, message)
        else:
            self._mark(key, MailState.REFUSED, message, address)

    def _unanswered(self, key: Key) -> None:
        with self._database.session() as session:
            mail = session.get(Mail, key)
            sending = mail is not None and mail.state is MailState.SENDING
            last = mail is not None and mail.tries + 1 >= MAX_UNANSWERED
        if sending and last:
            self._mark(key, MailState.DROPPED, "The mail server did not say that it took it.")
        else:
            # Later than the others, of which it may be the one that the server breaks off at.
            self._retry(key, "The mail server did not answer.")

    def _retry(self, key: Key, message: str) -> None:
        with self._database.session() as session:
            mail = session.get(Mail, key)
            if mail is not None:
                mail.next_try = utc_now() + backoff(mail.tries)
                mail.state, mail.message, mail.tries = MailState.WAITING, message, mail.tries + 1

    def _mark(
        self, key: Key, state: MailState, message: str = "", address: str | None = None
    ) -> None:
        with self._database.session() as session:
            mail = session.get(Mail, key)
            # Deleted with its task meanwhile.
            if mail is not None:
                mail.state, mail.message = state, message
                mail.address = address or mail.address

    def _due(self) -> list[Key]:
        query = (
            select(Mail.task_id, Mail.attempt, Mail.kind)
            .where(Mail.state == MailState.WAITING, Mail.next_try <= utc_now())
            .order_by(Mail.created)
            .limit(BATCH)
        )
        with self._database.session() as session:
            return [(row.task_id, row.attempt, row.kind) for row in session.execute(query)]

    def _tidy(self) -> None:
        late = Mail.created < utc_now() - LIFETIME
        waiting = Mail.state == MailState.WAITING
        with self._database.session() as session:
            if not self._recovered:
                half = update(Mail).where(Mail.state == MailState.SENDING)
                session.execute(half.values(state=MailState.DROPPED))
            session.execute(update(Mail).where(waiting, late).values(state=MailState.DROPPED))
        self._recovered = True


_TOLD = {MailKind.STARTED: "runs", MailKind.FAILED: "failed", MailKind.LIMIT: "ends soon"}
_STATES = {
    MailKind.STARTED: TaskState.RUNNING,
    MailKind.FAILED: TaskState.FAILED,
    MailKind.LIMIT: TaskState.RUNNING,
}


def backoff(failures: int) -> timedelta:
    """How long to wait after so many failures: twice as long each time, a quarter hour at most."""
    doubled: int = 2 ** min(failures, 10)
    return min(FIRST_WAIT * doubled, LONGEST_WAIT)


def _is_news(mail: Mail, task: Task, chosen: Preferences) -> bool:
    """Whether what the mail tells is still so, and still wanted."""
    same = mail.attempt == task.attempt and task.state is _STATES[mail.kind]
    return same and task.desired_state is DesiredState.RUN and chosen.wants(mail.kind)
