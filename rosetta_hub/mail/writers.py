"""The text of the mails: templates/mail, a plain and an HTML part each."""

import email.policy
import functools
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

import rosetta_templates
from rosetta_hub.catalogue.units import format_duration
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.database.models_mail import AccountMail, Mail, MailKind
from rosetta_hub.lifetimes.lifetimes import NO_LIFETIMES, Lifetimes
from rosetta_hub.lifetimes.view import view_lifetime
from rosetta_hub.tasks.state_messages import message
from rosetta_hub.tasks.task_urls import is_http, open_url, page_url
from rosetta_hub.users.dates import format_clock

# Relays without 8BITMIME take it, too. A line break in a header is refused by the policy.
_POLICY = email.policy.SMTP.clone(cte_type="7bit")
_SUBJECTS = {
    MailKind.STARTED: "{name} is running",
    MailKind.FAILED: "{name} has failed",
    MailKind.LIMIT: "{name} ends soon: its time limit is near",
    MailKind.END: "{name} will be stopped soon",
}


@functools.cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("rosetta_templates", "mail"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


class Letterhead:
    """Headers and templates that all mails have in common."""

    def __init__(self, settings: Rosetta) -> None:
        self._settings = settings

    def render(self, template: str, context: Mapping[str, Any]) -> str:
        """The template of that name, filled."""
        return _environment().get_template(template).render(context)

    def compose(
        self, address: str, message_id: str, subject: str, plain: str, page: str
    ) -> EmailMessage:
        """A mail. With the same `message_id` readers recognise one that came twice."""
        message = EmailMessage(policy=_POLICY)
        message["From"] = str(self._settings.mail_from)
        message["To"] = address
        message["Subject"] = subject
        message["Date"] = format_datetime(utc_now())
        domain = self._settings.mail_sender.partition("@")[2]
        message["Message-ID"] = f"<{message_id}@{domain}>"
        # RFC 3834: nobody's absence is told to the hub.
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(plain)
        message.add_alternative(page, subtype="html")
        return message


class AccountMailWriter:
    """Writes mails about accounts, from templates/mail/account_*.

    The first line of the plain part is the subject.
    """

    def __init__(self, settings: Rosetta) -> None:
        self._letterhead = Letterhead(settings)
        self._hub = str(settings.hub_url)

    def write(self, mail: AccountMail, context: Mapping[str, str]) -> EmailMessage:
        """The mail of a row, with its decrypted context.

        Raises:
            jinja2.TemplateError: the context lacks something.
        """
        values = {"hub": self._hub, "user": mail.user, **context}
        template = f"account_{mail.template}"
        first, _, plain = self._letterhead.render(f"{template}.txt", values).partition("\n")
        subject = _one_line(first)
        page = self._letterhead.render(f"{template}.html", {**values, "subject": subject})
        identity = f"account.{mail.id}"
        return self._letterhead.compose(str(mail.address), identity, subject, plain.lstrip(), page)


def has_account_template(template: str) -> bool:
    """Whether `templates/mail/account_<template>` exists, as text and as HTML."""
    folder = Path(str(rosetta_templates.__file__)).parent / "mail"
    return all((folder / f"account_{template}.{kind}").is_file() for kind in ("txt", "html"))


class MailWriter:
    """Writes mails. What is in them opens nothing: each link leads through the hub's login."""

    def __init__(self, settings: Rosetta, lifetimes: Lifetimes = NO_LIFETIMES) -> None:
        self._settings = settings
        self._lifetimes = lifetimes
        self._computing = settings.catalogue().computing
        self._letterhead = Letterhead(settings)

    def write(
        self, mail: Mail, task: Task, address: str, zone: ZoneInfo | None = None
    ) -> EmailMessage:
        """The mail about the task as it is now, with times of a zone (UTC).

        Its Message-ID is the same each time, so that readers recognise a mail that came twice.
        """
        name, kind = _one_line(task.name), mail.kind
        subject = _SUBJECTS[kind].format(name=name)
        context = {"name": name, "subject": subject, **self._context(task, zone)}
        plain, page = (
            self._letterhead.render(f"{kind.value}.{part}", context) for part in ("txt", "html")
        )
        identity = f"{task.id}.{task.attempt}.{kind.value}"
        if kind is MailKind.END:
            # There is one for each time that the task was kept.
            identity += f".{int(mail.created.timestamp())}"
        return self._letterhead.compose(address, identity, subject, plain, page)

    def _context(self, task: Task, zone: ZoneInfo | None) -> dict[str, Any]:
        computing = self._computing.get(task.computing)
        where = computing.name if computing else task.computing
        settings = self._settings
        waited = (task.started or utc_now()) - task.created
        grace = settings.cull_unopened_timeout if computing and computing.has_queue else 0
        return {
            "computing": where,
            "software": str(task.software.get("name")),
            "message": message(task, where),
            "waited": format_duration(int(waited.total_seconds())),
            "ends_at": format_clock(task.ends_at, zone) if task.ends_at else None,
            "end": self._end(task, zone),
            "grace": format_duration(grace * 60) if grace else None,
            "link": open_url(task, settings) if is_http(task) else page_url(task, settings),
            "page": page_url(task, settings),
            "user": task.user,
            "hub": settings.hub_url,
            "choices": f"{settings.hub_origin}{settings.service_prefix}account#mail",
        }

    def _end(self, task: Task, zone: ZoneInfo | None) -> dict[str, Any] | None:
        """The planned end of the task, in words."""
        end = view_lifetime(task, self._lifetimes, may_keep=True)
        if end.ends_at is None:
            return None
        seconds = (end.ends_at - self._lifetimes.clock().now).total_seconds()
        return {
            "at": format_clock(end.ends_at, zone),
            "left": format_duration(max(60, 60 * round(seconds / 60))),
            "message": end.message,
            "keepable": end.keepable,
        }


def _one_line(text: str) -> str:
    """What users call their tasks, fit for a header."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())
