"""The hub's pages of local accounts: signing up, and setting a password by a mailed link.

No answer tells whether an address or a name is somebody's: mails are written after the answer. A
GET changes nothing, because scanners of mails open every link.
"""

from http import HTTPStatus
from typing import Any

from jupyterhub import orm
from sqlalchemy import select
from tornado import web

from rosetta_hub.accounts import invitations, sign_ups
from rosetta_hub.accounts.errors import LinkInvalid, TooManyAttempts
from rosetta_hub.accounts.local import LocalAccounts
from rosetta_hub.accounts.mail_links import COOKIE_SECONDS
from rosetta_hub.accounts.names import normalise_name, suggest_name
from rosetta_hub.accounts.reset_flow import ResetFlow
from rosetta_hub.accounts.sign_up_flow import SignUpFlow
from rosetta_hub.authenticators.pages import PrivatePage
from rosetta_hub.background import spawn
from rosetta_hub.client_address import hub_client_address
from rosetta_hub.database.models_local import Invitation
from rosetta_hub.errors import RosettaError, UserError
from rosetta_hub.mail_addresses import check_address

COOKIE = "rosetta-link"
SENT = (
    "If this address can be used, a mail is on its way. It comes within a minute; look into the"
    " spam folder, too."
)


class LocalAccountPage(PrivatePage):
    """For everybody: errors are shown in the page."""

    template = ""

    def initialize(self, local: LocalAccounts) -> None:
        """Keep what the pages work with."""
        self.local = local

    async def get(self) -> None:
        """The page; a token in the address goes into a cookie first."""
        if token := self.get_argument("token", ""):
            self._keep(token)
            self.redirect(self.request.path)
            return
        await self.respond(self.show)

    async def post(self) -> None:
        """Do what the page is for."""
        await self.respond(self.act)

    async def show(self) -> None:
        """Send the page."""
        await self.send_page()

    async def act(self) -> None:
        """Do what the form asks for."""
        raise NotImplementedError

    async def respond(self, work: Any) -> None:
        """Show errors as pages: a link that does not work by itself, others beside the form."""
        try:
            await work()
        except LinkInvalid as error:
            self._forget()
            await self.send_notice("This link does not work", str(error), "Log in", status=410)
        except TooManyAttempts as error:
            self.set_header("Retry-After", str(error.retry_after))
            await self.send_page(problem=str(error), status=error.status)
        except UserError as error:
            await self.send_page(problem=str(error), status=error.status)
        except RosettaError as error:
            raise web.HTTPError(HTTPStatus.SERVICE_UNAVAILABLE, "%s", str(error)) from error

    async def context(self) -> dict[str, Any]:
        """What the template takes besides the problem."""
        return {"address": self.get_body_argument("address", "")}

    async def send_page(self, problem: str | None = None, status: int = 200) -> None:
        """Send the form, with what was wrong."""
        context = await self.context()
        self.set_status(status)
        page = await self.render_template(self.template, problem=problem, **context)
        self.finish(page)

    async def send_notice(self, heading: str, text: str, label: str, status: int = 200) -> None:
        """Send a page that says what has happened, with a way to the login."""
        self.set_status(status)
        action = {"label": label, "url": self.settings["login_url"]}
        page = await self.render_template(
            "account_notice.html", heading=heading, text=text, action=action
        )
        self.finish(page)

    async def count(self) -> None:
        """Count the request of this client.

        Raises:
            TooManyAttempts: there were too many within the hour.
        """
        address = hub_client_address(self)
        await self.local.run(lambda: self.local.take_request(address))

    @property
    def token(self) -> str:
        """The token of the link that was followed; empty where there was none."""
        return str(self.get_cookie(COOKIE, ""))

    def _keep(self, token: str) -> None:
        self.set_cookie(
            COOKIE,
            token if token.isascii() and token.isprintable() and ";" not in token else "",
            path=self.request.path,
            max_age=COOKIE_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=self.request.protocol == "https",
        )

    def _forget(self) -> None:
        self.clear_cookie(COOKIE, path=self.request.path)


class SignUpPage(LocalAccountPage):
    """`sign-up`: asks for an address, or takes an invitation."""

    template = "sign_up.html"

    async def prepare(self) -> None:
        """Nothing is here where nobody may sign up."""
        await super().prepare()
        if self.local.settings.sign_up == "closed":
            raise web.HTTPError(404)

    async def context(self) -> dict[str, Any]:
        """See `LocalAccountPage`."""
        mail, invited = self.local.mail_available, bool(self.token)
        return {**await super().context(), "mail": mail, "invited": invited}

    async def show(self) -> None:
        """Refuse whoever needs an invitation and has none."""
        await self._invitation()
        await super().show()

    async def act(self) -> None:
        """Send a mail, or go on without one where there is no mail server."""
        invitation = await self._invitation()
        flow = SignUpFlow(self.local)
        await self.count()
        if not self.local.mail_available:
            if invitation is None:
                raise LinkInvalid
            token = await flow.begin_without_mail(invitation.id)
            self._forget()
            self.redirect(self.local.mail_links.confirm(token))
            return
        address = check_address(self.get_body_argument("address", ""))
        if invitation is None and not self.local.settings.accepts(address):
            domains = ", ".join(self.local.settings.email_domains)
            raise UserError(f"Use an address of {domains}.")
        spawn(flow.request(address, invitation.id if invitation else None), "mail of a sign-up")
        await self.send_notice("Look into your mail", SENT, "Log in")

    async def _invitation(self) -> Invitation | None:
        token = self.token
        if token:
            return await self.local.transact(
                lambda session: invitations.find_invitation(session, token)
            )
        if self.local.settings.sign_up != "email" or not self.local.mail_available:
            raise web.HTTPError(403, "An account is made by invitation. Ask an administrator.")
        return None


class ConfirmSignUpPage(LocalAccountPage):
    """`sign-up/confirm`: name and password, once the mail was received."""

    template = "sign_up_confirm.html"

    async def context(self) -> dict[str, Any]:
        """See `LocalAccountPage`.

        Raises:
            LinkInvalid: the mail's link does not work.
        """
        token = self.token
        sign_up = await self.local.transact(lambda session: sign_ups.find(session, token))
        suggested = suggest_name(sign_up.address) if sign_up.address else ""
        return {"address": sign_up.address, "login": self.get_body_argument("name", suggested)}

    async def act(self) -> None:
        """Make the account, or have it wait."""
        await self.count()
        name = self.get_body_argument("name", "")
        password = self.get_body_argument("password", "", strip=False)
        ready = await SignUpFlow(self.local).confirm(
            self.token, name, password, self._reserved(name), self._admins()
        )
        self._forget()
        if ready:
            await self.send_notice(
                "Your account is ready", "Log in with your name and password.", "Log in"
            )
            return
        await self.send_notice(
            "Your account waits for an administrator",
            "You get a mail when it is decided.",
            "Log in",
        )

    def _reserved(self, name: str) -> set[str]:
        """Names that the configuration gives rights to, and this one if a user has it."""
        normal = normalise_name(name)
        authenticator = self.authenticator
        valid = authenticator.validate_username(normal)
        is_taken = self.find_user(normal) is not None or not valid
        configured = {*authenticator.admin_users, *authenticator.allowed_users}
        return {*configured, normal} if is_taken else configured

    def _admins(self) -> list[str]:
        return list(self.db.scalars(select(orm.User.name).where(orm.User.admin)))


class ResetPage(LocalAccountPage):
    """`password/reset`: asks for a link by mail."""

    template = "password_reset.html"

    async def prepare(self) -> None:
        """Nothing is here where there are no mails."""
        await super().prepare()
        if not self.local.mail_available:
            raise web.HTTPError(404)

    async def act(self) -> None:
        """Send the mail after the answer."""
        address = check_address(self.get_body_argument("address", ""))
        await self.count()
        spawn(ResetFlow(self.local).request(address), "mail of a forgotten password")
        await self.send_notice("Look into your mail", SENT, "Log in")


class NewPasswordPage(LocalAccountPage):
    """`password/new`: sets a password by a link."""

    template = "password_new.html"

    async def context(self) -> dict[str, Any]:
        """See `LocalAccountPage`.

        Raises:
            LinkInvalid: the link does not work.
        """
        return {"account": (await ResetFlow(self.local).look_up(self.token)).user}

    async def act(self) -> None:
        """Set the password, and end all sessions and tokens; nobody is logged in by it."""
        await self.count()
        password = self.get_body_argument("password", "", strip=False)
        user = await ResetFlow(self.local).set_password(
            self.token, password, hub_client_address(self)
        )
        hub_user = self.find_user(user)
        if hub_user is not None:
            await self.authenticator.refresher.end(hub_user, "a new password", api_tokens=True)
        self._forget()
        await self.send_notice("Your password is set", "Log in with the new password.", "Log in")


def local_routes(local: LocalAccounts) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module, below the hub's prefix."""
    arguments = {"local": local}
    return [
        (r"/sign-up", SignUpPage, arguments),
        (r"/sign-up/confirm", ConfirmSignUpPage, arguments),
        (r"/password/reset", ResetPage, arguments),
        (r"/password/new", NewPasswordPage, arguments),
    ]
