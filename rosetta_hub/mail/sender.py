"""Sends the mails that wait, over one connection a round."""

import logging

from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_mail import MailState
from rosetta_hub.lifetimes.lifetimes import NO_LIFETIMES, Lifetimes
from rosetta_hub.mail.account_mails import AccountMails
from rosetta_hub.mail.queue import Key, MailQueue, backoff
from rosetta_hub.mail.task_mails import TaskMails
from rosetta_hub.mail.transport import MailRefused, MailServerUnavailable, SmtpConnection, Transport

log = logging.getLogger(__name__)


class MailSender:
    """Sends what is in the queues, oldest first; mails about accounts before those about tasks.

    A mail is sent at most once, see `MailQueue`.
    """

    def __init__(
        self, database: Database, settings: Rosetta, lifetimes: Lifetimes = NO_LIFETIMES
    ) -> None:
        self._queues: tuple[MailQueue, ...] = (
            AccountMails(database, settings),
            TaskMails(database, settings, lifetimes),
        )
        self._transport = Transport(settings)
        self._failures = 0
        self._not_before = utc_now()

    async def step(self) -> None:
        """One round: all mails that are due, over one connection.

        Raises:
            MailServerUnavailable: it does not serve us; all mails wait, longer each time.
        """
        for queue in self._queues:
            queue.tidy()
        mails = [(queue, key) for queue in self._queues for key in queue.due()]
        if not mails or utc_now() < self._not_before:
            return
        try:
            async with self._transport.connect() as connection:
                for queue, key in mails:
                    await _send(connection, queue, key)
        except MailServerUnavailable:
            self._not_before = utc_now() + backoff(self._failures)
            self._failures += 1
            raise
        self._failures = 0


async def _send(connection: SmtpConnection, queue: MailQueue, key: Key) -> None:
    message = queue.prepare(key)
    if message is None:
        return
    address = str(message["To"])
    try:
        await connection.offer(address)
        queue.mark(key, MailState.SENDING, address=address)
        await connection.hand_over(message)
    except MailRefused as error:
        queue.refused(key, address, error)
    except MailServerUnavailable:
        queue.unanswered(key)
        raise
    else:
        queue.mark(key, MailState.SENT)
        log.info("sent a mail: %s", queue.describe(key))
