"""`c.JupyterHub.authenticator_class = "rosetta"`: several ways to sign in, one user."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from jupyterhub.auth import Authenticator
from jupyterhub.crypto import CryptKeeper
from tornado import web
from traitlets import Bool, Dict, Enum, Integer, List

from rosetta_hub.accounts.links import BY_EMAIL
from rosetta_hub.accounts.ownership import adopt_rows, delete_rows, users_with_rows
from rosetta_hub.accounts.who import Claimant
from rosetta_hub.audit.log import SERVICE, AuditEvent
from rosetta_hub.authenticators.accounts import Accounts, created_of
from rosetta_hub.authenticators.last_admin import (
    REFUSAL,
    USER_ROUTE,
    blocked_users,
    is_last_admin,
)
from rosetta_hub.authenticators.link_pages import link_routes
from rosetta_hub.authenticators.linker import Linker
from rosetta_hub.authenticators.login_page import LoginPage, LogoutPage
from rosetta_hub.authenticators.method import (
    Button,
    External,
    LoginMethod,
    MethodUnavailable,
    SignIn,
    SignInExpired,
    SignInRefused,
)
from rosetta_hub.authenticators.methods import build_methods
from rosetta_hub.authenticators.pages import note_sign_in
from rosetta_hub.authenticators.refresh import RECORD, Refresher
from rosetta_hub.authenticators.service_client import LoginServiceClient
from rosetta_hub.client_address import hub_client_address
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.errors import ConfigError, DatabaseUnavailable, NotAllowed


class RosettaAuthenticator(Authenticator):
    """Local accounts and any classes of oauthenticator on one login page.

    Which user signs in is decided by `rosetta_hub.accounts.who`; groups and administrators are
    those of the method that was used last, and are asked for again while the user is logged in.
    """

    methods = List(
        Dict(),
        help="""Providers that users sign in with: a list of dicts, one for each.
        The keys are the fields of rosetta_hub.authenticators.settings.MethodSettings.""",
    ).tag(config=True)

    local_accounts = Dict(
        allow_none=True,
        default_value=None,
        help="""Accounts with a password that Rosetta Hub keeps itself: a dict that says who may
        make one. The default is that there are none.
        The keys are the fields of rosetta_hub.accounts.settings.LocalSettings.""",
    ).tag(config=True)

    refresh_grace = Integer(
        900,
        help="""Seconds that users stay logged in while their provider does not answer. Then their
        sessions end, and they sign in when it is back.""",
    ).tag(config=True)

    revoke_api_tokens = Enum(
        ["refused", "always", "never"],
        default_value="refused",
        help="""When the API tokens that users have made are deleted at a refresh: when provider or
        configuration refuse the user (`refused`), also when the provider only wants a new login
        (`always`), or not at all (`never`). Cookies and tokens of logins always end.""",
    ).tag(config=True)

    allow_all = Bool(True).tag(config=False)
    auth_refresh_age = Integer(
        60,
        help="""Seconds after which provider and configuration are asked again about a user who is
        logged in. A revoked user is inside for at most this long and a minute more.""",
    ).tag(config=True)
    refresh_pre_spawn = Bool(True).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        try:
            self._open()
        except ConfigError as error:
            raise SystemExit(str(error)) from error

    def _open(self) -> None:
        settings = Rosetta(config=self.config)
        keys = settings.keys()
        self.accounts = Accounts(Database(settings.db_url), lambda: self.parent.db)
        self._with_rows = self.accounts.run(users_with_rows)
        self.method_by_id = build_methods(self, settings, keys)
        self.service = LoginServiceClient(settings, keys)
        self.refresher = Refresher(self, self.service)
        self.linker = Linker(self, settings, keys)
        if "manage_groups" not in self.config.get(type(self).__name__, {}):
            self.manage_groups = any(m.manages_groups for m in self.method_by_id.values())
        self.enable_auth_state = True
        encryption = CryptKeeper.instance(config=self.config)
        if not encryption.keys:
            encryption.keys = [keys.auth_state_key]

    @property
    def form_method(self) -> LoginMethod | None:
        """The method whose user name and password the login page asks for."""
        return next((method for method in self.method_by_id.values() if method.has_form), None)

    def buttons(self, base_url: str, next_url: str = "") -> list[Button]:
        """What the login page shows, the form first."""
        methods = sorted(self.method_by_id.values(), key=lambda method: not method.has_form)
        return [method.button(base_url, next_url) for method in methods]

    def login_context(self) -> dict[str, Any]:
        """What the login page says besides."""
        method = self.form_method
        return {} if method is None else method.login_context()

    def get_handlers(self, app: Any) -> list[tuple[Any, ...]]:
        """The routes of all methods, and the pages for signing in and out and for linking."""
        routes = [route for method in self.method_by_id.values() for route in method.handlers()]
        own = [(r"/login", LoginPage), (r"/logout", LogoutPage), USER_ROUTE]
        return [*own, *link_routes(), *routes]

    def check_allow_config(self) -> None:
        """Each method has rules of its own."""

    async def authenticate(
        self, handler: Any, data: Mapping[str, str] | External | None
    ) -> dict[str, Any] | None:
        """Who signs in: by a provider's answer, or by what the login page's form holds."""
        method = data.method if isinstance(data, External) else self.form_method
        if method is None or data is None:
            return None
        sign_in = await self.identify(method, handler, data)
        if sign_in is None:
            await self._note_refusal(handler, method, "wrong name or password")
            return None
        return await self._admit(method, sign_in, handler)

    async def identify(
        self, method: LoginMethod, handler: Any, data: Mapping[str, str] | External
    ) -> SignIn | None:
        """What the method says of who signs in.

        Raises:
            HTTPError: it says no (403), or nothing (503), with a message for the user.
        """
        try:
            if isinstance(data, External):
                sign_in: SignIn = await data.method.identify(handler, data.nonce)
                return sign_in
            return await method.authenticate(handler, data)
        except (SignInRefused, SignInExpired) as error:
            await self._note_refusal(handler, method, str(error))
            raise web.HTTPError(403, "%s", str(error)) from error
        except MethodUnavailable as error:
            raise web.HTTPError(503, "%s", str(error)) from error

    def claimant(self, method: LoginMethod, sign_in: SignIn) -> Claimant:
        """The same as who is who sees it: an address counts if it is verified and trusted.

        Raises:
            HTTPError: nobody can have such a name.
        """
        name = self.normalize_username(sign_in.name)
        if not self.validate_username(name):
            raise web.HTTPError(403, "The name that %s tells can't be used here.", method.title)
        return Claimant(
            method=method.id,
            subject=sign_in.subject,
            name=name,
            email=method.trusted_email(sign_in),
            shown_email=sign_in.email,
            claims={**sign_in.claims, "title": method.title, "admin": sign_in.admin is True},
            adopts_users=method.adopts_users,
        )

    async def _admit(self, method: LoginMethod, sign_in: SignIn, handler: Any) -> dict[str, Any]:
        """Find the user, and tell the hub what the user is."""
        claimant = self.claimant(method, sign_in)
        try:
            decision = await self.accounts.decide(claimant)
        except NotAllowed as error:
            await self._note_refusal(handler, method, str(error), claimant.name)
            raise web.HTTPError(403, "%s", str(error)) from error
        except DatabaseUnavailable as error:
            raise web.HTTPError(503, "%s", str(error)) from error
        self._with_rows.add(decision.user)
        await self.accounts.record(
            AuditEvent.LOGIN,
            decision.user,
            user=decision.user,
            target=method.id,
            address=hub_client_address(handler),
        )
        if decision.linked_by == BY_EMAIL:
            await self.linker.tell(decision, claimant, handler)
        self.refresher.admitted(decision.user)
        note_sign_in(handler, decision.user)
        admin = False if decision.is_admin_elsewhere and sign_in.admin is None else sign_in.admin
        return self.model(method, replace(sign_in, admin=admin), decision.user)

    def model(self, method: LoginMethod, sign_in: SignIn, user: str) -> dict[str, Any]:
        """What the hub stores of a user: groups always, where any method manages them.

        Rights that one provider tells are not there for who has signed in with another.
        """
        record = {
            "method": method.id,
            "issuer": sign_in.subject.issuer,
            "subject": sign_in.subject.subject,
            "checked": time.time(),
        }
        model: dict[str, Any] = {
            "name": user,
            "admin": sign_in.admin,
            "auth_state": {**sign_in.auth_state, RECORD: record},
        }
        if self.manage_groups:
            model["groups"] = sorted({*(sign_in.groups or ()), *method.groups})
        return model

    async def _note_refusal(
        self, handler: Any, method: LoginMethod, reason: str, user: str | None = None
    ) -> None:
        await self.accounts.record(
            AuditEvent.LOGIN_REFUSED,
            user or SERVICE,
            user=user,
            target=method.id,
            address=hub_client_address(handler),
            detail={"reason": reason},
        )

    async def signed_out(self, user: str, handler: Any) -> None:
        """A user has logged out."""
        await self.accounts.record(
            AuditEvent.LOGOUT, user, user=user, address=hub_client_address(handler)
        )

    async def refresh_user(self, user: Any, handler: Any = None, **_: Any) -> Any:
        """See `Refresher.refresh`."""
        return await self.refresher.refresh(user, handler)

    async def pre_spawn_start(self, user: Any, spawner: Any) -> None:
        """Start nothing for a user who was refused, also where somebody else asks for it."""
        await self.refresher.check_start(user)

    def add_user(self, user: Any) -> None:
        """The hub has a user: rows of accounts are this user's from now on."""
        super().add_user(user)
        created = created_of(user)
        # At its start the hub tells of all its users, of whom most may have nothing here.
        if created is not None and user.name in self._with_rows:
            self.accounts.run(lambda session: adopt_rows(session, user.name, created))

    def delete_user(self, user: Any) -> None:
        """The hub deletes a user: nobody inherits how to sign in as this one.

        Raises:
            HTTPError: nobody would be left to administrate.
        """
        if is_last_admin(self.parent.db, self.accounts.run(blocked_users), user.name):
            raise web.HTTPError(409, REFUSAL)
        self.accounts.run(lambda session: delete_rows(session, user.name))
        super().delete_user(user)
