"""`api/v1/account/mail`: which mails the user gets, and where; the page that confirms it."""

from dataclasses import asdict, replace

from pydantic import Field

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.mail.preferences import (
    find_problem,
    read_preferences,
    write_preferences,
)
from rosetta_hub.mail_addresses import MAX_LENGTH, check_address
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.operations import operation
from rosetta_hub.web.page_handler import PageHandler
from rosetta_hub.web.revisions import Revised, check_match, revision_of
from rosetta_hub.web.rights import CHANGE_OWN, READ_OWN


class MailChoice(RequestModel, strict=True):
    """Which mails are sent, and where; what is left out stays as it is. No address: no mails.

    A new address counts once its owner has used the link that is sent there.
    """

    address: str | None = Field(default=None, max_length=MAX_LENGTH + 20)
    started: bool = True
    failed: bool = True
    limit: bool = True
    shared: bool = True


class AddressCode(RequestModel, strict=True):
    """The code of the link in a mail."""

    code: str = Field(max_length=100)


class MailView(Revised):
    """Which mails the user gets.

    `available` tells whether the service sends any, `problem` why the last one was not delivered;
    `pending` is an address that waits for its owner.
    """

    address: str | None
    started: bool
    failed: bool
    limit: bool
    shared: bool
    available: bool
    problem: str | None
    pending: str | None


class MailBase(HubHandler):
    """What both handlers share."""

    def mail(self) -> MailView:
        """The user's mails."""
        settings, name = self.services.settings, self.principal.name
        with self.services.tasks.database.session() as session:
            preferences = read_preferences(session, name, str(settings.mail_domain))
            problem = find_problem(session, name, preferences.address)
        pending = self.services.account.addresses.pending(name)
        return MailView(
            **asdict(preferences),
            available=settings.mail_available,
            problem=problem,
            pending=pending,
            revision=revision_of(asdict(preferences), pending),
        )


class MailHandler(MailBase):
    """`api/v1/account/mail`."""

    path = "account/mail"

    @operation(id="get_mail", right=READ_OWN, answer=MailView)
    def get(self) -> MailView:
        """Which mails the user gets, and where."""
        return self.mail()

    @operation(id="set_mail", right=CHANGE_OWN, answer=MailView, refuses=(429,), matches=True)
    def put(self, body: MailChoice) -> MailView:
        """Choose which mails are sent, and where."""
        check_match(self.request, self.mail().revision)
        choice = body.model_dump(exclude_unset=True)
        addresses, name = self.services.account.addresses, self.principal.name
        domain = str(self.services.settings.mail_domain)
        with self.services.tasks.database.session() as session:
            if "address" in choice:
                text = (choice["address"] or "").strip()
                address = check_address(text) if text else None
                choice["address"] = addresses.choose(session, name, address)
            preferences = replace(read_preferences(session, name, domain), **choice)
            write_preferences(session, name, preferences)
        self.audit(AuditEvent.SETTINGS_CHANGE, user=name, target="mail")
        return self.mail()


class MailConfirmHandler(MailBase):
    """`api/v1/account/mail/confirm`."""

    path = "account/mail/confirm"

    @operation(id="confirm_address", right=CHANGE_OWN, answer=MailView, refuses=(404, 409))
    def post(self, body: AddressCode) -> MailView:
        """Use the address to which a code was sent."""
        self.services.account.addresses.confirm(self.principal.name, body.code)
        self.audit(AuditEvent.EMAIL_CONFIRM, user=self.principal.name)
        return self.mail()


class ConfirmAddressPage(PageHandler):
    """`account/confirm?code=…`: where the link of the mail leads. Opening it changes nothing."""

    def get(self) -> None:
        """A page with a button: programs that look into mails open links, too."""
        # The code must not go on to other addresses.
        self.set_header("Referrer-Policy", "no-referrer")
        self.render_page("confirm_address.html", code=self.get_query_argument("code", ""))
