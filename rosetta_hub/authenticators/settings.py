"""The keys of an entry of `c.RosettaAuthenticator.methods`."""

import importlib
from importlib.metadata import entry_points
from typing import Annotated, Any
from urllib.parse import urlsplit

from oauthenticator.oauth2 import OAuthenticator
from pydantic import AfterValidator, ConfigDict, Field, field_validator

from rosetta_hub.catalogue.validation import Entry
from rosetta_hub.errors import ConfigError
from rosetta_hub.mail_addresses import check_domains
from rosetta_hub.web_hosts import is_loopback

# Providers whose answers have no `sub`: the number of the account never changes, its name may.
_NUMBERED = {"BitbucketOAuthenticator", "GitHubOAuthenticator", "GitLabOAuthenticator"}


class MethodSettings(Entry):
    """A provider.

    `id` is part of addresses and rows: `/hub/<id>/oauth_callback` is what the provider has to
    know; it must not change later. `title` is what its button says. `authenticator_class` is a
    class of oauthenticator: an entry point such as `github`, an import path, or the class; `config`
    holds its options. With `issuer` the provider is asked for its OpenID Connect configuration,
    and its id tokens are verified. `subject_claim` is what never changes and is never given to
    somebody else: `sub`, for GitHub and GitLab `id`.

    `trusts_email`: an address that the provider says is verified may lead to the user who has
    verified the same one here; of `email_domains` alone, if there are any. `adopt_users`: a user
    that the hub has without any login, with the name that the provider tells, is whoever signs in.
    `groups` are added to those that the provider tells. `refresh` asks the provider again while
    a user is logged in.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{0,29}$")
    title: str = Field(min_length=1, max_length=80)
    authenticator_class: Any
    issuer: str | None = None
    subject_claim: str | None = None
    trusts_email: bool = False
    email_domains: Annotated[tuple[str, ...], AfterValidator(check_domains)] = ()
    adopt_users: bool = False
    groups: tuple[str, ...] = ()
    refresh: bool = True
    config: dict[str, Any] = {}

    @field_validator("id")
    @classmethod
    def _check_id(cls, value: str) -> str:
        if value in RESERVED_IDS:
            raise ValueError(f"{value!r} is a part of the hub's own addresses")
        return value

    @field_validator("issuer")
    @classmethod
    def _check_issuer(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme != "https" and not (
            parts.scheme == "http" and is_loopback(parts.hostname or "")
        ):
            raise ValueError("an issuer is an https address")
        return value

    def load_class(self) -> type[OAuthenticator]:
        """The class of oauthenticator.

        Raises:
            ConfigError: there is none.
        """
        cls = self.authenticator_class
        if isinstance(cls, str):
            cls = _load(cls)
        if not isinstance(cls, type) or not issubclass(cls, OAuthenticator):
            raise ConfigError(
                f"c.RosettaAuthenticator.methods, {self.id!r}: authenticator_class is"
                f" {self.authenticator_class!r}, which is no class of oauthenticator, such as"
                " 'generic-oauth' or 'github'."
            )
        return cls

    def claim(self, kind: type[OAuthenticator]) -> str:
        """The name of the claim that is the subject."""
        names = {base.__name__ for base in kind.mro()}
        return self.subject_claim or ("id" if names & _NUMBERED else "sub")


# First parts of addresses of the hub that a method must not take; `local` is the local accounts.
RESERVED_IDS = {
    *("activate-user", "accept-share", "admin", "api", "error", "health", "home", "local", "login"),
    *("logo", "logout", "metrics", "oauth-login", "password", "rosetta", "security", "sign-up"),
    *("signup", "spawn", "spawn-pending", "static", "stop", "token", "user", "user-redirect", "v2"),
}


def _load(name: str) -> Any:
    for point in entry_points(group="jupyterhub.authenticators"):
        if point.name.lower() == name.lower():
            return point.load()
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError):
        return None
