"""`api/v1/client-logins`: how programs log in without a browser of their own.

Their users agree at the page `login` (`login_page.py`); `accounts/client_logins.py` has the steps.
"""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, Field

from rosetta_hub.accounts.client_logins import INTERVAL, TYPING_TIME, Agreement, show_code
from rosetta_hub.accounts.throttle import Rule, address_prefix
from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.errors import NotFound
from rosetta_hub.web.account_tokens_api import TokenRight, TokenView, scopes_of, view_token
from rosetta_hub.web.base_handler import BaseHandler
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.operations import operation
from rosetta_hub.web.rights import LOGGED_IN, NO_LOGIN

# Logins that begin at one address: a lecture room may share one.
BEGINNINGS = Rule("client login", 200, timedelta(minutes=10))

# S256 is 32 bytes in base64url without padding.
Challenge = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{43}$", examples=["a" * 43])]
# One line, as a host name: it is shown to the user, and is the note of the token.
ClientName = Annotated[str, Field(pattern=r"^[\w.()@ -]{1,64}$", examples=["laptop"])]


class NewLogin(RequestModel):
    """A login to begin: the machine of the program, and its challenge (PKCE with S256)."""

    client: ClientName
    challenge: Challenge


class LoginBegun(BaseModel):
    """A login: `code` is for the page at `page_url`, `secret` for the program alone.

    The program asks every `interval` seconds whether the user has agreed, until `expires_in`.
    """

    secret: str
    code: str
    page_url: str
    interval: int
    expires_in: int


class LoginProof(RequestModel):
    """What the program got, as `secret` or at its loopback address, and its verifier."""

    secret: str = Field(min_length=1, max_length=200)
    verifier: str = Field(min_length=43, max_length=128, examples=["v" * 43])


class LoginResult(BaseModel):
    """The token, which nothing shows again, and whose it is."""

    user: str
    token: str
    expires_at: str | None


class ClientLoginsHandler(BaseHandler):
    """Programs that begin to log in."""

    path = "client-logins"

    @operation(id="begin_login", right=NO_LOGIN, answer=LoginBegun, status=201, refuses=(429,))
    def post(self, body: NewLogin) -> LoginBegun:
        """Begin a login whose code the user types in at the page `login`."""
        services = self.services
        services.throttle.take(BEGINNINGS, address_prefix(self.client_address or ""))
        secret, code = services.client_logins.begin(body.client, body.challenge)
        return LoginBegun(
            secret=secret,
            code=show_code(code),
            page_url=f"{services.settings.service_prefix}login",
            interval=INTERVAL,
            expires_in=TYPING_TIME,
        )


class LoginTokenHandler(BaseHandler):
    """Programs that fetch what their users have agreed to."""

    path = "client-logins/token"

    @operation(id="finish_login", right=NO_LOGIN, answer=LoginResult, status=201, refuses=(429,))
    async def post(self, body: LoginProof) -> LoginResult:
        """Get the token, once the user has agreed.

        Refusals are of the types `login-pending` (ask again), `login-refused` and `login-unknown`.
        """
        agreement = self.services.client_logins.redeem(body.secret, body.verifier)
        token = await self.services.hub.make_token(
            agreement.browser_token,
            f"rosetta on {agreement.client}",
            scopes_of([TokenRight(right) for right in agreement.rights]),
            agreement.seconds,
        )
        self._record(agreement, token["id"])
        return LoginResult(
            user=agreement.user, token=token["token"], expires_at=token["expires_at"]
        )

    def _record(self, agreement: Agreement, token_id: str) -> None:
        self.services.audit.record(
            AuditEvent.TOKEN_CREATE,
            agreement.user,
            user=agreement.user,
            target=token_id,
            address=self.client_address,
            detail={
                "client": agreement.client,
                "rights": [*agreement.rights],
                "seconds": agreement.seconds,
            },
        )


class OwnTokenHandler(HubHandler):
    """The API token that a request comes with."""

    path = "token"

    @operation(id="get_own_token", right=LOGGED_IN, answer=TokenView, refuses=(404,))
    async def get(self) -> TokenView:
        """The token of this request: what it may do, and until when."""
        return view_token(await self._find())

    @operation(id="delete_own_token", right=LOGGED_IN, refuses=(404,))
    async def delete(self) -> None:
        """Delete the token of this request, as a program does that logs out."""
        token = await self._find()
        await self.services.hub.delete_token(self.principal_token, token["id"])
        # Answers about it are kept for half a minute.
        self.hub_auth.cache.clear()
        self.audit(AuditEvent.TOKEN_DELETE, user=self.principal.name, target=token["id"])

    async def _find(self) -> dict[str, Any]:
        for token in await self.services.hub.tokens(self.principal_token):
            if token["current"] and not token["login"]:
                return token
        raise NotFound("This request comes with a login of a browser, not with an API token.")
