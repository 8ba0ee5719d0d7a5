"""A real mail server of the tests' own (aiosmtpd), in the loop of the test."""

import asyncio
import contextlib
import email.policy
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "hub", "correct horse"


@dataclass
class Arrived:
    """A mail that the server took."""

    recipients: list[str]
    encrypted: bool
    login: str | None
    message: EmailMessage


@dataclass
class Mailbox:
    """What the server does with mails, and those that it took."""

    mails: list[Arrived] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Recipients that were offered."""
    refuse: dict[str, str] = field(default_factory=dict)
    """Answers to recipients that are not served."""
    break_off: bool = False
    """Whether the connection is lost after the text, without an answer."""
    texts: list[str] = field(default_factory=list)
    """Message-IDs of all texts that came, taken or not."""
    let_on: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared: the answer to a text is not given yet."""
    holding: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.let_on.set()

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        """Take the recipient or not."""
        self.asked.append(address)
        if refusal := self.refuse.get(address):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take the mail."""
        content = envelope.content
        assert isinstance(content, bytes)
        message = BytesParser(policy=email.policy.default).parsebytes(content)
        self.texts.append(str(message["Message-ID"]))
        login = session.auth_data.login.decode() if session.auth_data else None
        if self.break_off:
            _abort(server)
            return "451 too late"
        self.mails.append(Arrived(envelope.rcpt_tos, session.ssl is not None, login, message))
        self.holding.set()
        await self.let_on.wait()
        return "250 OK"


def _abort(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.WriteTransport):
        server.transport.abort()


def _authenticate(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: LoginPassword
) -> AuthResult:
    good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False, auth_data=data)


@contextlib.asynccontextmanager
async def serve(
    mailbox: Mailbox, certificate: Path | None, port: int = 0, tls: bool = False
) -> AsyncIterator[int]:
    """Serve on a port; with a certificate over TLS, or with STARTTLS and AUTH required."""
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    options: dict[str, Any] = {"hostname": "mail.example.org", "loop": asyncio.get_running_loop()}
    if context and not tls:
        options |= {"tls_context": context, "require_starttls": True}
        options |= {"authenticator": _authenticate, "auth_required": True}
    opened: list[SMTP] = []

    def protocol() -> SMTP:
        opened.append(SMTP(mailbox, **options))
        return opened[-1]

    server = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", port, ssl=context if tls else None
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        mailbox.let_on.set()
        server.close()
        for item in opened:
            _abort(item)
