"""The text of the mails: templates/mail, a plain and an HTML part each."""

import email.policy
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from rosetta_hub.catalogue.units import format_duration
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.database.models_user import MailKind
from rosetta_hub.tasks.links import is_http, open_url, page_url
from rosetta_hub.tasks.messages import message

# Relays without 8BITMIME take it, too. A line break in a header is refused by the policy.
_POLICY = email.policy.SMTP.clone(cte_type="7bit")
_SUBJECTS = {
    MailKind.STARTED: "{name} is running",
    MailKind.FAILED: "{name} has failed",
    MailKind.LIMIT: "{name} ends soon: its time limit is near",
}


class MailWriter:
    """Writes mails. What is in them opens nothing: each link leads through the hub's login."""

    def __init__(self, settings: Rosetta) -> None:
        self._settings = settings
        self._computing = settings.catalogue().computing
        self._templates = Environment(
            loader=PackageLoader("rosetta_templates", "mail"),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def write(self, kind: MailKind, task: Task, address: str) -> EmailMessage:
        """The mail of that kind about the task as it is now.

        Its Message-ID is the same each time, so that readers recognise a mail that came twice.
        """
        name = _one_line(task.name)
        context = {"name": name, **self._context(task)}
        message = EmailMessage(policy=_POLICY)
        message["From"] = str(self._settings.mail_from)
        message["To"] = address
        message["Subject"] = _SUBJECTS[kind].format(name=name)
        message["Date"] = format_datetime(utc_now())
        domain = self._settings.mail_sender.partition("@")[2]
        message["Message-ID"] = f"<{task.id}.{task.attempt}.{kind.value}@{domain}>"
        # RFC 3834: nobody's absence is told to the hub.
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self._render(f"{kind.value}.txt", context))
        message.add_alternative(self._render(f"{kind.value}.html", context), subtype="html")
        return message

    def _render(self, template: str, context: dict[str, Any]) -> str:
        return self._templates.get_template(template).render(context)

    def _context(self, task: Task) -> dict[str, Any]:
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
            "ends_at": task.ends_at.strftime("%H:%M UTC") if task.ends_at else None,
            "grace": format_duration(grace * 60) if grace else None,
            "link": open_url(task, settings) if is_http(task) else page_url(task, settings),
            "page": page_url(task, settings),
            "user": task.user,
            "hub": settings.hub_url,
            "choices": f"{settings.hub_origin}{settings.service_prefix}settings",
        }


def _one_line(text: str) -> str:
    """What users call their tasks, fit for a header."""
    return "".join(one for one in " ".join(text.split()) if one.isprintable())
