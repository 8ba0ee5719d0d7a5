"""`api/v1/account/mail`: which mails the principal gets, and where; the page that confirms it."""

from dataclasses import asdict, replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.mail.addresses import MAX_LENGTH, check_address
from rosetta_hub.mail.preferences import (
    find_problem,
    read_preferences,
    write_preferences,
)
from rosetta_hub.web.bodies import parse_body
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.page_handler import PageHandler


class MailChoice(BaseModel):
    """Which mails are sent, and where; what is left out stays as it is. No address: no mails.

    A new address counts once its owner has used the link that is sent there.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    address: str | None = Field(default=None, max_length=MAX_LENGTH + 20)
    started: bool = True
    failed: bool = True
    limit: bool = True


class AddressCode(BaseModel):
    """The code of the link in a mail."""

    model_config = ConfigDict(extra="forbid", strict=True)

    code: str = Field(max_length=100)


class MailBase(HubHandler):
    """What both handlers share."""

    def mail(self) -> dict[str, Any]:
        """The principal's mails.

        `problem` tells why the last one was not delivered, `pending` is an address that waits for
        its owner.
        """
        settings, name = self.services.settings, self.principal.name
        with self.services.tasks.database.session() as session:
            chosen = read_preferences(session, name, str(settings.mail_domain))
            problem = find_problem(session, name, chosen.address)
        return {
            **asdict(chosen),
            "available": settings.mail_available,
            "problem": problem,
            "pending": self.services.account.addresses.pending(name),
        }


class MailHandler(MailBase):
    """`api/v1/account/mail`."""

    def get(self) -> None:
        """Which mails are sent, and where."""
        self.principal.check_own("read:servers")
        self.answer(self.mail())

    def put(self) -> None:
        """Choose which mails are sent, and where."""
        self.principal.check_own("servers")
        choice = parse_body(MailChoice, self.json_body()).model_dump(exclude_unset=True)
        addresses, name = self.services.account.addresses, self.principal.name
        domain = str(self.services.settings.mail_domain)
        with self.services.tasks.database.session() as session:
            if "address" in choice:
                given = (choice["address"] or "").strip()
                wanted = check_address(given) if given else None
                choice["address"] = addresses.choose(session, name, wanted)
            chosen = replace(read_preferences(session, name, domain), **choice)
            write_preferences(session, name, chosen)
        self.audit(AuditEvent.SETTINGS_CHANGE, user=name, target="mail")
        self.answer(self.mail())


class MailConfirmHandler(MailBase):
    """`api/v1/account/mail/confirm`."""

    def post(self) -> None:
        """Use the address to which the code was sent."""
        self.principal.check_own("servers")
        code = parse_body(AddressCode, self.json_body()).code
        self.services.account.addresses.confirm(self.principal.name, code)
        self.audit(AuditEvent.EMAIL_CONFIRM, user=self.principal.name)
        self.answer(self.mail())


class ConfirmPage(PageHandler):
    """`account/confirm?code=…`: where the link of the mail leads. Opening it changes nothing."""

    def get(self) -> None:
        """A page with a button: programs that look into mails open links, too."""
        # The code must not go on to other addresses.
        self.set_header("Referrer-Policy", "no-referrer")
        self.render_page("confirm_address.html", code=self.get_query_argument("code", ""))


def account_mail_routes(
    prefix: str, arguments: dict[str, Any]
) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    return [
        (rf"{prefix}account/confirm", ConfirmPage, arguments),
        (rf"{prefix}api/v1/account/mail", MailHandler, arguments),
        (rf"{prefix}api/v1/account/mail/confirm", MailConfirmHandler, arguments),
    ]
