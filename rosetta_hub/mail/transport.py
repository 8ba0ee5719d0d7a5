"""One connection to the mail server, and how its answers are understood: see the two errors."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from email.message import EmailMessage
from pathlib import Path

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from rosetta_hub.errors import RosettaError, Unavailable
from rosetta_hub.mail.settings import MailOptions

log = logging.getLogger(__name__)

# Seconds for one answer.
TIMEOUT = 30.0
# For the answer that a mail was taken: a server that works on it must not get it twice
# (RFC 5321, 4.5.3.2.6).
TAKEN_TIMEOUT = 600.0


class MailServerUnavailable(Unavailable):
    """The mail server was not reached, or serves us not at all: all mails wait."""


class MailRefused(RosettaError):
    """The mail server refused one mail; `temporary` means that it may be tried again."""

    def __init__(self, message: str, temporary: bool) -> None:
        super().__init__(message)
        self.temporary = temporary


class SmtpConnection:
    """An open connection: `offer` a mail, then `hand_over` its text."""

    def __init__(self, client: SMTP, sender: str) -> None:
        self._client = client
        self._sender = sender

    async def offer(self, recipient: str) -> None:
        """Name sender and recipient; nothing has been sent to anybody yet.

        Raises:
            MailRefused: this recipient is not served.
            MailServerUnavailable: it does not answer, or does not take mails of ours.
        """
        with _unavailable():
            await self._client.rset()
            await self._client.mail(self._sender)
            with _refused():
                await self._client.rcpt(recipient)

    async def hand_over(self, message: EmailMessage) -> None:
        """Send the text; the mail is the server's when this returns.

        Raises:
            MailRefused: it was not taken.
            MailServerUnavailable: there was no answer: it may have been taken.
        """
        with _unavailable(), _refused():
            await self._client.data(message.as_bytes(), timeout=TAKEN_TIMEOUT)


class Transport:
    """Opens connections to the mail server of the configuration."""

    def __init__(self, settings: MailOptions) -> None:
        self._settings = settings

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[SmtpConnection]:
        """A connection, encrypted and logged in as the configuration wants it.

        Raises:
            MailServerUnavailable: there is no such connection; nothing was sent.
        """
        settings = self._settings
        host, port = settings.smtp_address
        with _unavailable():
            client = SMTP(
                hostname=host,
                port=port,
                timeout=TIMEOUT,
                use_tls=settings.smtp_security == "tls",
                # Without STARTTLS no mail leaves: a man in the middle can hide that it is offered.
                start_tls=settings.smtp_security == "starttls",
                username=str(settings.smtp_user) or None,
                password=self._password(),
            )
            await client.connect()
        try:
            yield SmtpConnection(client, settings.mail_sender)
            # Of politeness: everything has been answered.
            with suppress(SMTPException, OSError):
                await client.quit()
        finally:
            client.close()

    def _password(self) -> str | None:
        path = str(self._settings.smtp_password_file)
        # The line's end is the editor's.
        return Path(path).read_text().rstrip("\r\n") if path else None


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (MailRefused, Unavailable):
        raise
    except (SMTPException, OSError, ValueError, asyncio.IncompleteReadError) as error:
        # TimeoutError and ssl.SSLError are OSErrors.
        reason = str(error) or type(error).__name__
        raise MailServerUnavailable(f"The mail server does not serve us: {reason}") from error


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except SMTPResponseException as error:
        # 421: it closes the connection, which says nothing about this mail.
        if error.code == 421:
            raise
        answer = " ".join(f"{error.code} {error.message}".split())
        raise MailRefused(answer[:300], temporary=error.code < 500) from error
