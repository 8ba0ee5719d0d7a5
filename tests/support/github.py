"""GitHub's OAuth and the parts of its REST API that a login needs, as GitHub documents them.

"Authorizing OAuth apps" of its documentation (PKCE; scopes of the answer are separated by commas),
and the REST API's `GET /user`, `/user/emails` and `/orgs/ORG/members/NAME`.
"""

import base64
import contextlib
import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urljoin

import httpx
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

CLIENT_ID, CLIENT_SECRET = "client-of-github", "secret-of-the-client"


@dataclass
class Account:
    """Somebody at GitHub: `email` is what the profile shows, `emails` what `/user/emails` tells."""

    id: int
    login: str
    email: str | None = None
    emails: list[dict[str, Any]] = field(default_factory=list)
    organizations: set[str] = field(default_factory=set)


@dataclass
class GitHub:
    """The server; `is_down` has it answer 503 to everything."""

    url: str = ""
    accounts: dict[int, Account] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    codes: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    is_down: bool = False

    def add(self, login: str, **more: Any) -> Account:
        """A new account."""
        account = Account(len(self.accounts) + 1, login, **more)
        self.accounts[account.id] = account
        return account

    async def sign_in(
        self, client: httpx.AsyncClient, url: str, account: Account
    ) -> httpx.Response:
        """Log in from an address of the hub; returns its answer to the callback."""
        answer = await client.get(url, follow_redirects=False)
        location = urljoin(str(answer.url), answer.headers["Location"])
        assert location.startswith(f"{self.url}/login/oauth/authorize?"), location
        # Who agrees, which is a session of the browser at GitHub.
        answer = await client.get(f"{location}&as={account.id}", follow_redirects=False)
        return await client.get(answer.headers["Location"], follow_redirects=False)


class _Handler(web.RequestHandler):
    def initialize(self, github: GitHub) -> None:
        self.github = github

    def prepare(self) -> None:
        if self.github.is_down:
            self.set_status(503)
            self.finish()

    def account(self) -> Account:
        kind, _, token = self.request.headers.get("Authorization", "").partition(" ")
        answer = self.github.tokens.get(token) if kind.lower() in ("bearer", "token") else None
        if answer is None:
            raise web.HTTPError(401)
        return self.github.accounts[answer]


class _Authorize(_Handler):
    def get(self) -> None:
        assert self.get_argument("client_id") == CLIENT_ID
        assert self.get_argument("code_challenge_method") == "S256"
        code = secrets.token_hex(10)
        values = (self.get_argument("scope"), self.get_argument("code_challenge"))
        self.github.codes[code] = (int(self.get_argument("as")), *values)
        query = urlencode({"code": code, "state": self.get_argument("state")})
        self.redirect(f"{self.get_argument('redirect_uri')}?{query}")


class _AccessToken(_Handler):
    def post(self) -> None:
        account, scope, challenge = self.github.codes.pop(self.get_argument("code"))
        digest = hashlib.sha256(self.get_argument("code_verifier").encode()).digest()
        assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == challenge
        assert self.get_argument("client_secret") == CLIENT_SECRET
        token = f"gho_{secrets.token_hex(18)}"
        self.github.tokens[token] = account
        scopes = ",".join(scope.split())
        self.finish({"access_token": token, "scope": scopes, "token_type": "bearer"})


class _User(_Handler):
    def get(self) -> None:
        account = self.account()
        document = {"id": account.id, "login": account.login, "name": None, "email": account.email}
        self.finish({**document, "type": "User"})


class _Emails(_Handler):
    def get(self) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(self.account().emails))


class _Member(_Handler):
    def get(self, organization: str, login: str) -> None:
        self.account()
        members = {
            account.login
            for account in self.github.accounts.values()
            if organization in account.organizations
        }
        self.set_status(204 if login in members else 404)
        if login not in members:
            self.finish({"message": "User does not exist or is not a member of the organization"})


@contextlib.asynccontextmanager
async def serve_github() -> AsyncIterator[GitHub]:
    """A GitHub without accounts, in the event loop of the test."""
    hub = GitHub()
    arguments = {"github": hub}
    routes = [
        ("/login/oauth/authorize", _Authorize, arguments),
        ("/login/oauth/access_token", _AccessToken, arguments),
        ("/api/v3/user", _User, arguments),
        ("/api/v3/user/emails", _Emails, arguments),
        ("/api/v3/orgs/([^/]+)/members/([^/]+)", _Member, arguments),
    ]
    sockets = bind_sockets(0, "127.0.0.1")
    hub.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    server = HTTPServer(web.Application(routes, log_function=lambda handler: None))
    server.add_sockets(sockets)
    yield hub
    server.stop()
    await server.close_all_connections()
