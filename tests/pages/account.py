"""A service with the page Account."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from tornado import web

from .stub import PREFIX, Handler, Stub

URL = f"{PREFIX}account"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBpQ0DZyXl3SVGpzV4pfjZ5Kj1iYy2Vb1Qw0a8mJ0s5m"


def make_identity(computing: str = "cluster", **changes: Any) -> dict[str, Any]:
    """An identity as the API shows it: not set up, unless changed."""
    identity: dict[str, Any] = {
        "computing": computing,
        "name": "The cluster",
        "host": "login.example.org",
        "remote_user": None,
        "fixed": False,
        "public_key": None,
        "paste": None,
        "state": "missing",
        "message": "Set your user name there to get a key.",
    }
    return identity | changes


def with_key(remote_user: str, number: int = 1, **changes: Any) -> dict[str, Any]:
    """What changes when a key is made."""
    public = f"{KEY} rosetta-hub:alice-{number}"
    message = "Add the line below to ~/.ssh/authorized_keys there, then test it."
    return {
        "remote_user": remote_user,
        "public_key": public,
        "paste": f"restrict,pty,port-forwarding {public}",
        "state": "untested",
        "message": message,
    } | changes


def make_account(host: str = "ghcr.io", **changes: Any) -> dict[str, Any]:
    """An account at a registry as the API shows it."""
    account = {"host": host, "account": "ada", "state": "untested", "message": ""}
    return {**account, "updated": "2026-11-01T12:00:00Z", **changes}


def make_token(token_id: str, **changes: Any) -> dict[str, Any]:
    """A token as the API shows it."""
    token: dict[str, Any] = {
        **{"id": token_id, "note": "for cron", "rights": ["see"], "scopes": []},
        **{"all_rights": False, "current": False, "created": "2026-11-01T12:00:00Z"},
        **{"last_activity": None, "expires_at": None},
    }
    return token | changes


def make_session(**changes: Any) -> dict[str, Any]:
    """A login as the API shows it."""
    session: dict[str, Any] = {
        **{"id": "0" * 64, "browser": "Firefox on Linux", "address": "192.0.2.7", "current": False},
        **{"first_seen": "2026-11-01T12:00:00Z", "last_seen": "2026-11-02T12:00:00Z"},
        "services": ["Service rosetta"],
    }
    return session | changes


class AccountStub(Stub):
    """A service with accounts."""

    def __init__(self) -> None:
        super().__init__()
        self.accounts: dict[str, dict[str, Any]] = {}
        self.mail: dict[str, Any] = {
            "address": "alice@example.org",
            "started": True,
            "failed": True,
            "limit": False,
            "shared": True,
            "available": True,
            "problem": None,
            "pending": None,
            "revision": "m1",
        }
        self.dates: dict[str, Any] = {"time_zone": None, "language": None, "revision": "d1"}
        self.tokens: list[dict[str, Any]] = []
        self.sessions: list[dict[str, Any]] = []
        self.groups: list[dict[str, Any]] = []
        self.registries: dict[str, Any] = {"accounts": [], "site": [], "hub": None}
        self.result: dict[str, Any] = {"state": "works", "message": "Logged in as alice."}
        self.bodies: list[Any] = []
        self.let_on = asyncio.Event()
        self.let_on.set()

    def add(self, *identities: dict[str, Any]) -> None:
        """Resources that need a key."""
        self.accounts |= {identity["computing"]: identity for identity in identities}

    def _application(self) -> web.Application:
        application = super()._application()
        mine = {"stub": self}
        routes = [
            (URL, AccountPage, mine),
            (f"{URL}/confirm", ConfirmPage, mine),
            (rf"{PREFIX}api/v1/account(.*)", AccountApi, mine),
            (rf"{PREFIX}api/v1/registries(.*)", RegistriesApi, mine),
        ]
        application.add_handlers(r".*", routes)
        return application


class AccountPage(Handler):
    """The page."""

    def get(self) -> None:
        """Render it."""
        self.page("account.html")


class ConfirmPage(Handler):
    """The page of the link in a mail."""

    def get(self) -> None:
        """Render it."""
        self.page("confirm_address.html", code=self.get_query_argument("code"))


class AccountApi(Handler):
    """`api/v1/account` and what is below."""

    stub: AccountStub

    async def prepare(self) -> None:
        """Keep the call, or refuse it."""
        path = self.request.path.removeprefix(PREFIX)
        self.stub.calls.append((str(self.request.method), path))
        if self.request.body:
            self.stub.bodies.append(json.loads(self.request.body))
        if not self.allowed():
            return
        if refusal := self.stub.refusals.get(path):
            self.message(*refusal)

    def get(self, path: str) -> None:
        """What a section shows."""
        answers: dict[str, dict[str, Any]] = {
            "/mail": self.stub.mail,
            "/dates": self.stub.dates,
            "/identities": {"identities": list(self.stub.accounts.values())},
            "/tokens": {"tokens": self.stub.tokens},
            "/sessions": {"sessions": self.stub.sessions},
            "/groups": {"groups": self.stub.groups},
            "/data": {"user": "alice"},
        }
        if path in answers:
            self.finish(answers[path])
        else:
            self.message(404, "This hub does not have that.")

    def put(self, path: str) -> None:
        """Mail, dates, the account on a resource, or a key of the user's."""
        body = self.stub.bodies[-1]
        if path == "/mail":
            self.replace(self.stub.mail, body)
        elif path == "/dates":
            self.replace(self.stub.dates, body)
        elif path.endswith("/key"):
            self.change(path.split("/")[-2], with_key("alice", number=3))
        else:
            self.change(path.rpartition("/")[2], with_key(body["remote_user"]))

    def replace(self, settings: dict[str, Any], body: dict[str, Any]) -> None:
        """Change settings that are still as the page has read them."""
        if self.request.headers.get("If-Match") != f'"{settings["revision"]}"':
            self.message(412, "This was changed meanwhile.")
            return
        settings |= body | {"revision": f"{settings['revision']}1"}
        self.finish(settings)

    async def post(self, path: str) -> None:
        """Test, a new key, a token, a code, or a deletion."""
        if path == "/tokens":
            token = make_token(
                "a9", **{key: self.stub.bodies[-1][key] for key in ("note", "rights")}
            )
            self.set_status(201)
            self.finish(token | {"token": "s3cret-of-a9"})
            return
        if path == "/mail/confirm":
            self.finish(self.stub.mail)
            return
        if path == "/data/delete":
            self.finish({})
            return
        *_, name, verb = path.split("/")
        await self.stub.let_on.wait()
        renewed = with_key(self.stub.accounts[name]["remote_user"], number=2)
        self.change(name, self.stub.result if verb == "test" else renewed)

    def delete(self, path: str) -> None:
        """Delete the key of a resource, a token, one or all sessions."""
        name = path.rpartition("/")[2]
        self.stub.sessions = [session for session in self.stub.sessions if session["id"] != name]
        if "identities" not in path:
            self.finish({})
            return
        self.change(name, make_identity(name))

    def change(self, name: str, changes: dict[str, Any]) -> None:
        """Answer the identity, changed."""
        self.stub.accounts[name] |= changes
        self.finish(self.stub.accounts[name])


@contextlib.asynccontextmanager
async def serve_account() -> AsyncIterator[AccountStub]:
    """A service with accounts and without resources that need a key."""
    stub = AccountStub()
    server = stub.listen()
    yield stub
    stub.let_on.set()
    stub.cut()
    server.stop()
    await server.close_all_connections()


class RegistriesApi(AccountApi):
    """`api/v1/registries` and what is below."""

    def get(self, _path: str) -> None:
        """All accounts."""
        self.finish(self.stub.registries)

    def put(self, path: str) -> None:
        """Keep an account."""
        host, account = path.removeprefix("/"), self.stub.bodies[-1]["account"]
        self._keep(host, make_account(host, account=account))

    async def post(self, path: str) -> None:
        """Test it."""
        await self.stub.let_on.wait()
        host = path.removeprefix("/").removesuffix("/test")
        self._keep(host, make_account(host, **self.stub.result))

    def delete(self, path: str) -> None:
        """Forget it."""
        host = path.removeprefix("/")
        self.stub.registries["accounts"] = self._others(host)
        self.finish({"host": host})

    def _others(self, host: str) -> list[dict[str, Any]]:
        return [account for account in self.stub.registries["accounts"] if account["host"] != host]

    def _keep(self, host: str, account: dict[str, Any]) -> None:
        self.stub.registries["accounts"] = [*self._others(host), account]
        self.finish(account)
