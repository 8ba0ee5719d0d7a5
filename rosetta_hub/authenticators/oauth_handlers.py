"""The two addresses of each provider at the hub: where a login begins, and where it comes back."""

import contextlib
import secrets
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jupyterhub.handlers.base import BaseHandler
from oauthenticator.oauth2 import _deserialize_state, _serialize_state
from tornado import web

from rosetta_hub.authenticators.method import External, MethodUnavailable, SignInRefused
from rosetta_hub.authenticators.pages import has_signed_in_lately

if TYPE_CHECKING:
    from rosetta_hub.authenticators.oauth import OAuthMethod

# Seconds for a login at the provider.
FLOW_SECONDS = 600
_DAY = 86400
# Logins that one browser has begun and not finished, with each method.
MOST_FLOWS = 20
# Errors of users who went back (RFC 6749, section 4.1.2.1; OpenID Connect Core, 3.1.2.6).
_CANCELLED = {"access_denied", "consent_required", "interaction_required", "login_required"}


class Flow(BaseHandler):
    """What the handlers of one method share. A state is of one browser, one login, one method.

    Each login has a cookie of its own, so that two tabs don't get in each other's way. Its name and
    its path hold the method, and the hub signs name and value.
    """

    method: "OAuthMethod"

    def cookie_name(self, state_id: str) -> str:
        """The name of the cookie of one login."""
        return f"rosetta-flow-{self.method.id}-{state_id[:12]}"

    @property
    def cookie_path(self) -> str:
        """Where the browser sends the cookie."""
        return f"{self.hub.base_url}{self.method.id}/"


class BeginHandler(Flow):
    """Sends the browser to the provider."""

    _begins = False
    intent: str | None = None

    @property
    def authenticator(self) -> Any:
        """The child where the address is built; else the hub's own authenticator."""
        return self.method.child if self._begins else super().authenticator

    async def get(self) -> None:
        """Begin a login."""
        await self.begin()

    async def post(self) -> None:
        """Begin a login that is to be linked to the user who is logged in."""
        user = self.current_user
        if user is None or not has_signed_in_lately(self, user):
            raise web.HTTPError(403, "Sign in again before you add a login.")
        await self.begin(intent=user.name)

    async def begin(self, intent: str | None = None) -> None:
        """Begin; with `intent`, the login is linked to that user."""
        try:
            await self.method.prepare()
        except MethodUnavailable as error:
            raise web.HTTPError(503, str(error)) from error
        self.intent = intent
        with self._beginning():
            result = super().get()
            if result is not None:
                await result

    @contextlib.contextmanager
    def _beginning(self) -> Iterator[None]:
        self._begins = True
        try:
            yield
        finally:
            self._begins = False

    def set_state_cookie(self, state_cookie_value: str) -> None:
        """Besides what oauthenticator keeps: the method, a nonce, the intent, the time."""
        state = _deserialize_state(state_cookie_value)
        self._nonce = secrets.token_urlsafe(32)
        state |= {"method": self.method.id, "nonce": self._nonce, "intent": self.intent}
        self._forget_old_flows()
        self._set_cookie(
            self.cookie_name(state["state_id"]),
            _serialize_state({**state, "time": int(time.time())}),
            expires_days=FLOW_SECONDS / _DAY,
            path=self.cookie_path,
            samesite="Lax",
        )

    def _forget_old_flows(self) -> None:
        names = [name for name in self.cookies if name.startswith(self.cookie_name(""))]
        for name in names[: max(0, len(names) - MOST_FLOWS + 1)]:
            self.clear_cookie(name, path=self.cookie_path)

    def authorize_redirect(self, **kwargs: Any) -> None:
        """With the nonce, where the id token is verified."""
        if self.method.provider is not None:
            extra = {**(kwargs.get("extra_params") or {}), "nonce": self._nonce}
            if self.get_argument("again", "") == "1":
                extra["prompt"] = "login"
            kwargs["extra_params"] = extra
        super().authorize_redirect(**kwargs)


class AnswerHandler(Flow):
    """Takes the provider's answer."""

    _state: str | None = None

    def get_state_cookie(self) -> str:
        """The state of the login that the answer names, if this browser began it here."""
        if self._state is None:
            state_id = str(_deserialize_state(self.get_state_url()).get("state_id", ""))
            name = self.cookie_name(state_id)
            value = self.get_secure_cookie(name, max_age_days=FLOW_SECONDS / _DAY) or b""
            self._state = value.decode("utf-8", "replace")
            self.clear_cookie(name, path=self.cookie_path)
        return self._state

    @property
    def flow(self) -> dict[str, Any]:
        """What was kept when the login began."""
        state = self.get_state_cookie()
        return dict(_deserialize_state(state)) if state else {}

    def check_state(self) -> None:
        """The state is of this browser, this login and this method."""
        super().check_state()
        if self.flow.get("method") != self.method.id:
            raise web.HTTPError(400, "OAuth state mismatch")

    def check_error(self) -> None:
        """Say what went wrong in words of ours: everybody can write the address."""
        error = self.get_argument("error", "")
        if not error:
            return
        self.check_state()
        reason = "The login was cancelled" if error in _CANCELLED else "The login failed"
        raise web.HTTPError(400, f"{reason} at {self.method.title}. Try again.")

    def check_arguments(self) -> None:
        """Besides, the answer is of the provider that was asked (RFC 9207)."""
        super().check_arguments()
        if self.method.provider is not None:
            issuer = self.get_argument("iss", None)
            try:
                self.method.provider.check_response_issuer(issuer)
            except SignInRefused as error:
                raise web.HTTPError(400, str(error)) from error

    def get_next_url(self, user: Any = None) -> str:
        """Where the login began, within the hub."""
        next_url = self._validate_next_url(str(self.flow.get("next_url") or ""))
        return next_url or str(BaseHandler.get_next_url(self, user))

    async def authenticate(self, data: Any) -> Any:
        """Who it is, as `Authenticator.get_authenticated_user` tells the hub."""
        return await self.authenticator.get_authenticated_user(self, self._answer)

    @property
    def _answer(self) -> External:
        return External(self.method, str(self.flow.get("nonce", "")))

    async def _link(self, user: str) -> str:
        linker = self.authenticator.linker
        return str(await linker.link(self.method, self, self._answer, user))

    async def get(self) -> None:
        """Log in, or link the login."""
        self.check_arguments()
        if self.flow.get("intent"):
            self.redirect(await self._link(str(self.flow["intent"])))
            return
        user = await self.login_user()
        if user is None:
            raise web.HTTPError(403, self.method.child.custom_403_message)
        self.redirect(self.get_next_url(user))


def build_handlers(method: "OAuthMethod") -> list[tuple[Any, ...]]:
    """The routes of a method, below the hub's prefix: its class's handlers, with these before."""
    child, own = method.child, {"method": method}
    begin = type("BeginHandler", (BeginHandler, child.login_handler), own)
    answer = type("AnswerHandler", (AnswerHandler, child.callback_handler), own)
    return [
        (rf"/{method.id}/oauth_login", begin),
        (rf"/{method.id}/oauth_callback", answer),
    ]
