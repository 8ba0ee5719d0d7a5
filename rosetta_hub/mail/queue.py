"""A table of mails as a queue: which are due, and what has become of each."""

import logging
from abc import ABC, abstractmethod
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

from sqlalchemy import ColumnElement, inspect, select, update

from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_mail import MailState, QueuedMail
from rosetta_hub.mail.transport import MailRefused

log = logging.getLogger(__name__)

# Mails of one connection, for each queue.
BATCH = 100
# How often a mail is sent of which nobody knows whether it was taken.
MAX_UNANSWERED = 3
# Before the first retry, and at most.
FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(minutes=15)

# The primary key of a row.
Key = tuple[Any, ...]


class MailQueue(ABC):
    """The mails of one table, `model`; a subclass knows what they say.

    A mail is marked `sending` before its text goes out, and `sent` after. A service that was
    killed in between does not know whether the server took it, and does not send it again: at
    most once. Where the server itself gave no answer the mail is sent again, as SMTP asks for,
    with the same Message-ID and three times at most.
    """

    model: type[QueuedMail]

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recovered = False

    @abstractmethod
    def prepare(self, key: Key) -> EmailMessage | None:
        """The message to send, or None where the mail is of no use any more."""

    @abstractmethod
    def describe(self, key: Key) -> str:
        """The mail in a line of the log, without an address."""

    @abstractmethod
    def late(self) -> ColumnElement[bool]:
        """Which mails nobody waits for any more."""

    def due(self) -> list[Key]:
        """The mails whose turn it is, oldest first."""
        model = self.model
        query = (
            select(*inspect(model).primary_key)
            .where(model.state == MailState.WAITING, model.next_try <= utc_now())
            .order_by(model.created)
            .limit(BATCH)
        )
        with self._database.session() as session:
            return [tuple(row) for row in session.execute(query)]

    def tidy(self) -> None:
        """Drop what is late, and at the first call what a killed service was sending."""
        waiting = self.model.state == MailState.WAITING
        dropped = {"state": MailState.DROPPED}
        with self._database.session() as session:
            if not self._recovered:
                half = self.model.state == MailState.SENDING
                session.execute(update(self.model).where(half).values(dropped))
            session.execute(update(self.model).where(waiting, self.late()).values(dropped))
        self._recovered = True

    def refused(self, key: Key, address: str, error: MailRefused) -> None:
        """The server did not take the mail: for now, or at all."""
        log.warning("the mail server refused a mail (%s): %s", self.describe(key), error)
        message = f"The mail server refused the last mail to {address}: {error}"
        if error.temporary:
            self._retry(key, message)
        else:
            self.mark(key, MailState.REFUSED, message, address)

    def unanswered(self, key: Key) -> None:
        """The server said nothing: a mail that was being sent may have been taken."""
        with self._database.session() as session:
            mail = session.get(self.model, key)
            sending = mail is not None and mail.state is MailState.SENDING
            last = mail is not None and mail.tries + 1 >= MAX_UNANSWERED
        if sending and last:
            self.mark(key, MailState.DROPPED, "The mail server did not say that it took it.")
        else:
            # Retry after the others: this mail may be what makes the server disconnect.
            self._retry(key, "The mail server did not answer.")

    def mark(
        self, key: Key, state: MailState, message: str = "", address: str | None = None
    ) -> None:
        """Note where the mail is."""
        with self._database.session() as session:
            mail = session.get(self.model, key)
            # Deleted meanwhile, with what it is about.
            if mail is not None:
                mail.state, mail.message = state, message
                mail.address = address or mail.address

    def _retry(self, key: Key, message: str) -> None:
        with self._database.session() as session:
            mail = session.get(self.model, key)
            if mail is not None:
                mail.next_try = utc_now() + backoff(mail.tries)
                mail.state, mail.message, mail.tries = MailState.WAITING, message, mail.tries + 1


def backoff(failures: int) -> timedelta:
    """How long to wait after so many failures: twice as long each time, a quarter hour at most."""
    doubled: int = 2 ** min(failures, 10)
    return min(FIRST_WAIT * doubled, LONGEST_WAIT)
