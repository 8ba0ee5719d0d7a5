"""What users set for themselves, "Keys and mail": the page, and `api/settings`.

Everything here is about the caller: no route names a user. The token needs the hub's scope
`servers` of the caller to change something, because keys are what the caller's tasks run with, and
`read:servers` to read.
"""

from dataclasses import asdict, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rosetta_hub.background import spawn
from rosetta_hub.errors import Conflict, InvalidOptions
from rosetta_hub.identities import IdentityView
from rosetta_hub.mail.addresses import MAX_LENGTH, check_address
from rosetta_hub.mail.preferences import (
    find_problem,
    read_preferences,
    write_preferences,
)
from rosetta_hub.service.handlers import HubHandler, PageHandler


class MailChoice(BaseModel):
    """Which mails are sent, and where; what is left out stays as it is. No address: no mails."""

    model_config = ConfigDict(extra="forbid", strict=True)

    address: str | None = Field(default=None, max_length=MAX_LENGTH + 20)
    started: bool = True
    failed: bool = True
    limit: bool = True


class RemoteUser(BaseModel):
    """The caller's account on a computing resource."""

    model_config = ConfigDict(extra="forbid", strict=True)

    remote_user: str


class SettingsPage(PageHandler):
    """`settings`: the page."""

    def get(self) -> None:
        """The page; its script asks the API."""
        self.render_page("settings.html")


class OwnHandler(HubHandler):
    """What the handlers of this module share."""

    def mail(self) -> dict[str, Any]:
        """The caller's mails; `problem` tells why the last one was not delivered."""
        settings, name = self.services.settings, self.caller.name
        with self.services.tasks.database.session() as session:
            chosen = read_preferences(session, name, str(settings.mail_domain))
            problem = find_problem(session, name, chosen.address)
        return {**asdict(chosen), "available": settings.mail_available, "problem": problem}

    def changed(self, view: IdentityView) -> None:
        """Answer, and let go of what is open with the identity as it was."""
        changed = self.services.identity_changed(self.caller.name, view.computing)
        spawn(changed, f"close the connection of {self.caller.name} to {view.computing}")
        self.answer(view)


class SettingsHandler(OwnHandler):
    """`api/settings`: all of them."""

    def get(self) -> None:
        """Mail and identities of the caller."""
        self.caller.check_own("read:servers")
        views = self.services.identities.views(self.caller.person)
        identities = [view.model_dump(mode="json") for view in views]
        self.answer({"mail": self.mail(), "identities": identities})


class MailHandler(OwnHandler):
    """`api/settings/mail`."""

    def put(self) -> None:
        """Choose which mails are sent, and where."""
        self.caller.check_own("servers")
        choice = _parse(MailChoice, self.json_body()).model_dump(exclude_unset=True)
        if "address" in choice:
            given = (choice["address"] or "").strip()
            choice["address"] = check_address(given) if given else None
        name, domain = self.caller.name, str(self.services.settings.mail_domain)
        with self.services.tasks.database.session() as session:
            chosen = replace(read_preferences(session, name, domain), **choice)
            write_preferences(session, name, chosen)
        self.answer(self.mail())


class IdentityHandler(OwnHandler):
    """`api/settings/identities/<computing>`."""

    def put(self, computing: str) -> None:
        """Set the caller's account there; the first time a key pair is made."""
        self.caller.check_own("servers")
        identities, person = self.services.identities, self.caller.person
        # Whether it is the caller's at all goes before what is wrong with the request.
        identities.view(person, computing)
        wanted = _parse(RemoteUser, self.json_body()).remote_user.strip()
        self.changed(identities.set_remote_user(person, computing, wanted))

    async def delete(self, computing: str) -> None:
        """Delete the caller's key pair, once no task needs it any more."""
        self.caller.check_own("servers")
        identities, person = self.services.identities, self.caller.person
        name = identities.view(person, computing).name
        tasks = self.services.tasks.active(computing, person.name)
        if tasks:
            raise Conflict(
                f"Your task {tasks[0].name!r} on {name} needs this key to be stopped. Stop your"
                f" tasks on {name}, then delete the key."
            )
        await self.services.identity_changed(person.name, computing)
        identities.delete(person.name, computing)
        self.answer(identities.view(person, computing))


class RenewHandler(OwnHandler):
    """`api/settings/identities/<computing>/renew`."""

    def post(self, computing: str) -> None:
        """Make a new key pair; the old one is forgotten."""
        self.caller.check_own("servers")
        self.changed(self.services.identities.renew(self.caller.person, computing))


class TestHandler(OwnHandler):
    """`api/settings/identities/<computing>/test`."""

    async def post(self, computing: str) -> None:
        """Log in there with the caller's key."""
        self.caller.check_own("servers")
        identities, tester = self.services.identities, self.services.identity_tester
        self.answer(await identities.test(self.caller.person, computing, tester))


Model = TypeVar("Model", bound=BaseModel)


def _parse(model: type[Model], body: dict[str, Any]) -> Model:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        keys = ", ".join(sorted({str(fault["loc"][0]) for fault in error.errors()}))
        raise InvalidOptions(f"The request does not fit here: look at {keys}.") from error


def settings_routes(
    prefix: str, arguments: dict[str, Any]
) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    identity = rf"{prefix}api/settings/identities/([^/]+)"
    return [
        (rf"{prefix}settings", SettingsPage, arguments),
        (rf"{prefix}api/settings", SettingsHandler, arguments),
        (rf"{prefix}api/settings/mail", MailHandler, arguments),
        (identity, IdentityHandler, arguments),
        (rf"{identity}/test", TestHandler, arguments),
        (rf"{identity}/renew", RenewHandler, arguments),
    ]
