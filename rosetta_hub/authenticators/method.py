"""What every login method does, local accounts and providers alike."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from rosetta_hub.accounts.links import Subject
from rosetta_hub.users.emails import normalise_email


@dataclass(frozen=True)
class SignIn:
    """Who has proved to a method to be whom, and what the method says of them.

    `name` is what a new user is called, if that is free. `email_verified` is the method's claim;
    whether it counts is the method's `trusts_email`. `groups` and `admin` are None where the
    method does not manage them; `auth_state` is encrypted by the hub.
    """

    subject: Subject
    name: str
    email: str | None = None
    email_verified: bool = False
    groups: Sequence[str] | None = None
    admin: bool | None = None
    auth_state: Mapping[str, Any] = field(default_factory=dict, repr=False)
    claims: Mapping[str, Any] = field(default_factory=dict)


class SignInRefused(Exception):
    """The method says no: the message is for the user. Sessions end at a refresh."""


class SignInExpired(Exception):
    """The method wants a new login: the user's sessions end, but for the user's API tokens."""


class MethodUnavailable(Exception):
    """The method could not be asked: nothing is known. A refresh goes on for a grace period."""


@dataclass(frozen=True)
class External:
    """A provider's answer that a handler has got; `nonce` is that of the login."""

    method: Any
    nonce: str = field(repr=False)


@dataclass(frozen=True)
class Button:
    """What the login page shows of a method: a link, or with `form` its user name and password."""

    id: str
    title: str
    url: str
    form: bool = False


class LoginMethod(ABC):
    """One way to sign in.

    A subclass with a form of its own gets what the login page posts through `authenticate`. Others
    have handlers, which call `RosettaAuthenticator.sign_in` with what the provider has told.
    """

    # In addresses and rows: lower-case letters, digits, hyphens.
    id: str
    title: str
    # Whether an address that it calls verified may lead to the user who has verified the same one.
    trusts_email: bool = False
    # If there are any, addresses of other domains do not count as verified.
    email_domains: Sequence[str] = ()
    # Whether a user of the same name that the hub had before, without any login, is who signs in.
    adopts_users: bool = False
    has_form: bool = False
    # Groups of all who sign in with it, and whether it tells groups at all.
    groups: Sequence[str] = ()
    manages_groups: bool = False

    @abstractmethod
    def handlers(self) -> list[tuple[Any, ...]]:
        """Routes below the hub's prefix."""

    def login_url(self, base_url: str) -> str:
        """Where signing in begins."""
        return f"{base_url.rstrip('/')}/{self.id}/oauth_login"

    def button(self, base_url: str, next_url: str) -> Button:
        """What the login page shows."""
        query = f"?{urlencode({'next': next_url})}" if next_url else ""
        return Button(self.id, self.title, self.login_url(base_url) + query, self.has_form)

    def login_context(self) -> dict[str, Any]:
        """What the login page is told besides the button."""
        return {}

    def trusted_email(self, sign_in: SignIn) -> str | None:
        """The address, if it is verified and the method may vouch for it."""
        if not self.trusts_email or sign_in.email_verified is not True or sign_in.email is None:
            return None
        address = normalise_email(sign_in.email)
        domain = address.rpartition("@")[2]
        return address if not self.email_domains or domain in self.email_domains else None

    async def authenticate(self, handler: Any, data: Mapping[str, str]) -> SignIn | None:
        """Check what the form of the login page holds; None: wrong.

        Raises:
            SignInRefused: right, but the account may not sign in; the message says why.
        """
        return None

    async def refresh(
        self, user: Any, auth_state: Mapping[str, Any], handler: Any
    ) -> SignIn | None:
        """Ask again while the user is logged in; None: nothing has to be asked.

        Raises:
            SignInRefused: a definite no: the user's sessions end.
            SignInExpired: the user has to sign in again.
            MethodUnavailable: could not ask.
        """
        return None

    async def sign_out(self, auth_state: Mapping[str, Any], handler: Any) -> str | None:
        """Where the browser goes after signing out, None for the hub's own page."""
        return None
