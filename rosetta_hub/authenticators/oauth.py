"""Providers, by the classes of oauthenticator: each is a child object of the authenticator."""

import asyncio
import json
import logging
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from oauthenticator.oauth2 import OAuthenticator
from tornado import web
from tornado.httpclient import HTTPClientError, HTTPRequest
from traitlets.config import Configurable

from rosetta_hub.accounts.links import Subject
from rosetta_hub.authenticators.method import (
    LoginMethod,
    MethodUnavailable,
    SignIn,
    SignInExpired,
    SignInRefused,
)
from rosetta_hub.authenticators.oauth_handlers import build_handlers
from rosetta_hub.authenticators.oidc import ENDPOINTS, OpenIdProvider
from rosetta_hub.authenticators.settings import MethodSettings
from rosetta_hub.mail_addresses import is_address

log = logging.getLogger(__name__)

# Seconds for all requests of one sign-in, and of one refresh.
SIGN_IN_TIMEOUT = 20.0
REFRESH_TIMEOUT = 4.0

# Options of a child that make it tell groups.
_GROUP_OPTIONS = {
    "admin_groups", "allowed_groups", "auth_state_groups_key", "claim_groups_key", "manage_groups",
}  # fmt: skip
# What is kept of the claims: shown on the Account page, and nothing that is large or secret.
_SHOWN_CLAIMS = ("name", "preferred_username", "login", "email")
_NO_ANSWER = "%s does not answer. Try again in a moment, or sign in another way."

# What went wrong in requests of the present task: oauthenticator calls it "needs a new login".
_failures: ContextVar[list[Exception]] = ContextVar("failures")


class OAuthMethod(LoginMethod):
    """A provider of the configuration."""

    def __init__(self, settings: MethodSettings, outer: Configurable, hub_url: str) -> None:
        kind = settings.load_class()
        self.id, self.title = settings.id, settings.title
        self.trusts_email, self.email_domains = settings.trusts_email, settings.email_domains
        self.adopts_users, self.groups = settings.adopt_users, settings.groups
        self._refreshes = settings.refresh
        self._subject_claim = settings.claim(kind)
        self.child = _build_child(kind, settings, outer, hub_url)
        self.manages_groups = bool(self.child.manage_groups or self.groups)
        self.provider: OpenIdProvider | None = None
        if settings.issuer is not None:
            self.provider = OpenIdProvider(settings.issuer, self.child.client_id, self._fetch_json)
        self._issuer = settings.issuer or self.child.token_url
        _watch_failures(self.child)

    def handlers(self) -> list[tuple[Any, ...]]:
        """The beginning of a login, and the address that the provider sends browsers back to."""
        return build_handlers(self)

    async def prepare(self) -> None:
        """Have the addresses of the provider's configuration, where it has one.

        Raises:
            MethodUnavailable: the provider does not answer.
        """
        if self.provider is None:
            return
        metadata = await self.provider.metadata()
        for option, name in ENDPOINTS.items():
            if not getattr(self.child, option):
                setattr(self.child, option, metadata.get(name, ""))

    async def identify(self, handler: Any, nonce: str) -> SignIn:
        """Trade the code that the provider sent the browser with.

        Raises:
            SignInRefused: the provider's or the configuration's no.
            MethodUnavailable: the provider does not answer.
        """
        await self.prepare()
        failures = _begin()
        try:
            async with asyncio.timeout(SIGN_IN_TIMEOUT):
                model = await self.child.get_authenticated_user(handler, None)
        except TimeoutError as error:
            raise MethodUnavailable(_NO_ANSWER % self.title) from error
        except (HTTPClientError, OSError, ValueError, KeyError) as error:
            if failures or isinstance(error, OSError):
                raise MethodUnavailable(_NO_ANSWER % self.title) from error
            raise SignInRefused(
                f"{self.title} did not accept the login, or does not tell who you are. Sign in"
                " again; if that does not help, tell the administrator."
            ) from error
        if model is None:
            raise SignInRefused(str(self.child.custom_403_message))
        sign_in = await self._describe(model)
        if self.provider is not None:
            await self._check_id_token(model["auth_state"], sign_in, nonce)
        return sign_in

    async def _check_id_token(self, state: Mapping[str, Any], sign_in: SignIn, nonce: str) -> None:
        token = state.get("id_token")
        if self.provider is None or not isinstance(token, str):
            raise SignInRefused(f"{self.title} sent no id token. Tell the administrator.")
        claims = await self.provider.verify(token, nonce)
        subject = state[self.child.user_auth_state_key].get("sub")
        if claims["sub"] != subject:
            raise SignInRefused("The provider's answers are about two users. Sign in again.")

    async def refresh(
        self, user: Any, auth_state: Mapping[str, Any], handler: Any
    ) -> SignIn | None:
        """Ask the provider who the user is now; the rules of the configuration are applied again.

        Raises:
            SignInExpired: the provider wants a new login.
            SignInRefused: the configuration's no.
            MethodUnavailable: the provider does not answer in time.
        """
        if not self._refreshes:
            return None
        try:
            async with asyncio.timeout(REFRESH_TIMEOUT):
                return await self._refresh(user, handler)
        except TimeoutError as error:
            raise MethodUnavailable(_NO_ANSWER % self.title) from error

    async def _refresh(self, user: Any, handler: Any) -> SignIn | None:
        await self.prepare()
        failures = _begin()
        try:
            model = await self.child.refresh_user(user, handler)
        except (HTTPClientError, OSError, ValueError, KeyError, web.HTTPError) as error:
            # An answer that can't be read is no answer.
            raise MethodUnavailable(_NO_ANSWER % self.title) from error
        if failures:
            raise MethodUnavailable(_NO_ANSWER % self.title) from failures[0]
        if model is True:
            return None
        if not model:
            raise SignInExpired(f"{self.title} wants you to sign in again.")
        if not await self._is_allowed(model):
            raise SignInRefused(str(self.child.custom_403_message))
        return await self._describe(model)

    async def _is_allowed(self, model: dict[str, Any]) -> bool:
        """What `get_authenticated_user` checks; the hub does not do it at a refresh."""
        name = self.child.normalize_username(model["name"])
        if not await _result(self.child.check_blocked_users(name, model)):
            return False
        if self.child.allow_all:
            return True
        return bool(await _result(self.child.check_allowed(name, model)))

    async def _describe(self, model: Mapping[str, Any]) -> SignIn:
        state = dict(model["auth_state"])
        user_info = state[self.child.user_auth_state_key]
        subject = user_info.get(self._subject_claim)
        if not isinstance(subject, str | int) or isinstance(subject, bool) or subject in ("", 0):
            raise SignInRefused(
                f"{self.title} does not tell {self._subject_claim!r}. Tell the administrator."
            )
        email, is_verified = await self.find_email(state, user_info)
        groups = [*(model.get("groups") or ()), *self.groups] if self.manages_groups else None
        return SignIn(
            subject=Subject(self._issuer, str(subject)),
            name=model["name"],
            email=email,
            email_verified=is_verified,
            groups=groups,
            admin=model.get("admin"),
            auth_state=state,
            claims={key: user_info[key] for key in _SHOWN_CLAIMS if _is_short(user_info.get(key))},
        )

    async def find_email(
        self, state: Mapping[str, Any], user_info: Mapping[str, Any]
    ) -> tuple[str | None, bool]:
        """The address that the provider tells, and whether it says that it is verified.

        Only a JSON `true` says so: a text `"true"` or `"false"` is true for many a program.
        """
        email = user_info.get("email")
        if not isinstance(email, str) or not is_address(email):
            return None, False
        return email, user_info.get("email_verified") is True

    async def sign_out(self, auth_state: Mapping[str, Any], handler: Any) -> str | None:
        """See `LoginMethod`."""
        return str(self.child.logout_redirect_url) or None

    async def _fetch_json(self, url: str) -> Any:
        request = HTTPRequest(
            url,
            connect_timeout=REFRESH_TIMEOUT,
            request_timeout=REFRESH_TIMEOUT,
            validate_cert=self.child.validate_server_cert,
            **self.child.http_request_kwargs,
        )
        try:
            response = await self.child.http_client.fetch(request)
            return json.loads(response.body)
        except (HTTPClientError, OSError, ValueError) as error:
            raise MethodUnavailable(_NO_ANSWER % self.title) from error


def _build_child(
    kind: type[OAuthenticator], settings: MethodSettings, outer: Configurable, hub_url: str
) -> OAuthenticator:
    options = dict(settings.config)
    options.setdefault("manage_groups", bool(_GROUP_OPTIONS & options.keys()))
    options.setdefault("oauth_callback_url", f"{hub_url}/hub/{settings.id}/oauth_callback")
    if settings.issuer is not None:
        options.setdefault("scope", ["openid", "profile", "email"])
    child = kind(parent=outer, enable_auth_state=True, **options)
    child.validate_username = lambda name: True
    return child


def _begin() -> list[Exception]:
    failures: list[Exception] = []
    _failures.set(failures)
    return failures


def _watch_failures(child: OAuthenticator) -> None:
    """Note requests that got no answer: oauthenticator takes some of them for a refusal."""
    fetch = child.fetch

    async def watched(*args: Any, **kwargs: Any) -> Any:
        try:
            return await fetch(*args, **kwargs)
        except HTTPClientError as error:
            if error.code >= 500 or error.code == 429:
                _failures.get([]).append(error)
            raise
        except (OSError, ValueError) as error:
            _failures.get([]).append(error)
            raise

    child.fetch = watched


def _is_short(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 254


async def _result(value: Any) -> Any:
    return await value if hasattr(value, "__await__") else value
