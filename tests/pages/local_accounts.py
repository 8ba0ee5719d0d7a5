"""The pages of accounts: those of the hub for signing in and linking, and the sections."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from tornado import web

from rosetta_hub.accounts import invitations
from rosetta_hub.authenticators.method import Button

from .account import AccountStub
from .admin import AdminStub
from .stub import PREFIX, Handler, Stub, hub_context, hub_templates

PROBLEM = "This password is easy to guess. Take four words that do not belong together."
BUTTONS = [
    Button("local", "Local account", "/hub/login", form=True),
    Button("institute", "My institute with a long name in two languages", "/hub/institute"),
]
# What each template takes.
CONTEXTS: dict[str, dict[str, Any]] = {
    "sign_in": {"buttons": BUTTONS, "sign_up": True, "forgotten": True, "username": "alice"},
    "sign_up": {"mail": True, "invited": True, "address": "not an address"},
    "sign_up_confirm": {"address": f"{'a' * 60}@example.org", "login": "alice"},
    "password_reset": {"address": ""},
    "password_new": {"account": "w" * 64},
    "add_login": {"buttons": BUTTONS, "is_recent": False},
    "merge_users": {"other": "w" * 64},
    "undo_link": {"link": 1, "token": "x", "done": False},
    "account_notice": {
        "heading": "Look into your mail",
        "text": "A mail is on its way.",
        "action": {"label": "Log in", "url": "/hub/login"},
    },
}


class EntryStub(Stub):
    """A hub with the pages for who is not logged in."""

    def _application(self) -> web.Application:
        application = super()._application()
        pages = "|".join(CONTEXTS)
        application.add_handlers(r".*", [(rf"/hub/({pages})", EntryPage, {"stub": self})])
        return application


class EntryPage(Handler):
    """A page, with everything that can be on it."""

    def get(self, name: str) -> None:
        """The page."""
        context = hub_context(self.stub) | CONTEXTS[name] | {"user": None, "xsrf": "x"}
        context |= {"problem": PROBLEM, "login_error": PROBLEM, "login_url": "/hub/login"}
        self.finish(hub_templates().get_template(f"{name}.html").render(**context))


class PasswordStub(AccountStub):
    """A service whose hub has local accounts."""

    def __init__(self) -> None:
        super().__init__()
        self.password: dict[str, Any] = {
            "login": "alice",
            "changed": "2026-11-01T12:00:00+00:00",
            "address": None,
        }

        self.logins = [login(1), login(2, title="GitHub"), login(3, removed="2026-11-02T12:00:00Z")]
        self.merged = ["alice-2"]

    def _application(self) -> web.Application:
        application = web.Application()
        mine = {"stub": self}
        application.add_handlers(
            r".*",
            [
                (rf"{PREFIX}account", LocalAccountPage, mine),
                (rf"{PREFIX}api/v1/account/password", PasswordApi, mine),
                (rf"{PREFIX}api/v1/account/(logins|merged)(?:/(.*))?", LoginsApi, mine),
                (r".*", web.FallbackHandler, {"fallback": super()._application()}),
            ],
        )
        return application


class LocalAccountPage(Handler):
    """The page Account, or the login page for who is logged out."""

    stub: PasswordStub

    def get(self) -> None:
        """Render it."""
        if not self.stub.logged_in:
            self.finish("<!DOCTYPE html><title>Log in</title><h1>Log in</h1>")
            return
        self.page("account.html", rosetta_authenticator=True, rosetta_local_accounts=True)


class PasswordApi(Handler):
    """`api/v1/account/password`."""

    stub: PasswordStub

    def get(self) -> None:
        """What the test says."""
        if self.allowed():
            self.finish(self.stub.password)

    def put(self) -> None:
        """Refuse what the test says, or log the browser out."""
        if not self.allowed():
            return
        self.stub.calls.append(("PUT", self.request.body.decode()))
        if refusal := self.stub.refusals.get("password"):
            self.message(*refusal)
            return
        self.stub.logged_in = False
        self.set_status(204)

    def post(self) -> None:
        """Say where the mail goes."""
        if self.allowed():
            self.finish({"address": self.stub.password["address"]})


class LoginsApi(Handler):
    """`api/v1/account/logins` and `api/v1/account/merged`."""

    stub: PasswordStub

    def get(self, _kind: str, _id: str | None) -> None:
        """All of them."""
        if self.allowed():
            document = {"logins": self.stub.logins, "merged": self.stub.merged}
            self.finish({**document, "add_url": "/hub/rosetta/logins"})

    def post(self, _kind: str, link: str) -> None:
        """Put a login back."""
        self._mark(link, None)

    def delete(self, kind: str, link: str) -> None:
        """Remove a login, or separate a user."""
        if kind == "merged":
            if self.allowed():
                self.stub.merged.remove(link)
                self.set_status(204)
        else:
            self._mark(link, "2026-11-03T12:00:00Z")

    def _mark(self, link: str, removed: str | None) -> None:
        if self.allowed():
            next(login for login in self.stub.logins if str(login["id"]) == link)["removed"] = (
                removed
            )
            self.finish({})


def login(number: int, title: str = "My institute", removed: str | None = None) -> dict[str, Any]:
    """A login as the API shows it."""
    return {
        "id": number,
        "method": "institute",
        "title": title,
        "name": "alice",
        "email": "alice@example.org",
        "linked_at": "2026-11-01T12:00:00Z",
        "last_used": "2026-11-01T12:00:00Z",
        "removed": removed,
    }


class AccountsStub(AdminStub):
    """A service whose hub has local accounts, for an administrator."""

    def _application(self) -> web.Application:
        application = web.Application()
        application.add_handlers(
            r".*",
            [
                (rf"{PREFIX}admin", LocalAdminPage, {"stub": self}),
                (r".*", web.FallbackHandler, {"fallback": super()._application()}),
            ],
        )
        return application


class LocalAdminPage(Handler):
    """The Admin page."""

    def get(self) -> None:
        """Render it."""
        self.page("admin.html", rosetta_authenticator=True, invitations=invitations)


@contextlib.asynccontextmanager
async def serve(stub: Stub) -> AsyncIterator[None]:
    """A stub, listening."""
    server = stub.listen()
    yield
    stub.cut()
    server.stop()
    await server.close_all_connections()
