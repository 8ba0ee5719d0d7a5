"""Mails about accounts: confirm an address, set a password, what has changed."""

import json
import logging
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.message import EmailMessage

from cryptography.fernet import InvalidToken
from jinja2 import TemplateError
from sqlalchemy import ColumnElement, delete, update
from sqlalchemy.orm import Session

from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_mail import AccountMail, MailState
from rosetta_hub.keys import Keys, digest
from rosetta_hub.mail.queue import Key, MailQueue
from rosetta_hub.mail.writers import AccountMailWriter, has_account_template

log = logging.getLogger(__name__)

# A mail that could not be sent for a day surprises its reader.
LIFETIME = timedelta(days=1)
# How long it is known that a mail was sent, or why not.
KEPT = timedelta(days=7)


def queue(
    session: Session,
    keys: Keys,
    template: str,
    address: str,
    context: Mapping[str, str],
    user: str | None = None,
    expires: datetime | None = None,
    identity: str | None = None,
) -> None:
    """Queue a mail in the transaction of what it is about; the service sends it within seconds.

    The templates are `templates/mail/account_<template>.txt`, whose first line is the subject, and
    `.html`; they get `context`, `user` and `hub`. After `expires`, a day from now by default, it is
    not sent any more. A mail with an `identity` is not queued again for a week. The address must
    have passed `check_address`. Where no mail server is configured nothing is ever sent: callers
    look at `mail_available`.

    Raises:
        ValueError: there is no such template.
    """
    if not has_account_template(template):
        raise ValueError(f"There is no mail template account_{template}.")
    now = utc_now()
    id_ = secrets.token_hex(16) if identity is None else digest(identity)[:32]
    if session.get(AccountMail, id_) is not None:
        return
    session.add(
        AccountMail(
            id=id_,
            template=template,
            context=keys.database.encrypt(json.dumps(dict(context)).encode()),
            user=user,
            address=address,
            expires=expires or now + LIFETIME,
            state=MailState.WAITING,
            created=now,
            next_try=now,
        )
    )


def delete_user(session: Session, user: str) -> None:
    """Delete the mails to a user."""
    session.execute(delete(AccountMail).where(AccountMail.user == user))


class AccountMails(MailQueue):
    """Mails to addresses; their contexts are deleted as soon as they are sent."""

    model = AccountMail

    def __init__(self, database: Database, settings: Rosetta) -> None:
        super().__init__(database)
        self._keys = settings.keys()
        self._writer = AccountMailWriter(settings)

    def prepare(self, key: Key) -> EmailMessage | None:
        """See `MailQueue`."""
        with self._database.session() as session:
            mail = session.get(AccountMail, key)
        if mail is None or mail.state is not MailState.WAITING or mail.context is None:
            return None
        try:
            context = json.loads(self._keys.database.decrypt(mail.context))
            return self._writer.write(mail, context)
        except (InvalidToken, TemplateError):
            # The other mails must not wait for this one for ever.
            log.exception("%s can't be written, and is dropped", self.describe(key))
            self.mark(key, MailState.DROPPED, "The mail could not be written.")
            return None

    def describe(self, key: Key) -> str:
        """See `MailQueue`."""
        return f"account mail {key[0]}"

    def late(self) -> ColumnElement[bool]:
        """See `MailQueue`."""
        return AccountMail.expires < utc_now()

    def tidy(self) -> None:
        """See `MailQueue`; secrets in mails that are not to be sent any more go, and old rows."""
        super().tidy()
        final = AccountMail.state.in_([state for state in MailState if state.final])
        secret = AccountMail.context.is_not(None)
        with self._database.session() as session:
            session.execute(update(AccountMail).where(final, secret).values(context=None))
            old = AccountMail.created < utc_now() - KEPT
            session.execute(delete(AccountMail).where(final, old))
