"""The login methods of a deployment, from its configuration."""

from typing import Any

from rosetta_hub.accounts.local import LocalAccounts
from rosetta_hub.accounts.settings import LocalSettings
from rosetta_hub.authenticators.github import GitHubMethod
from rosetta_hub.authenticators.local import LocalMethod
from rosetta_hub.authenticators.method import LoginMethod
from rosetta_hub.authenticators.oauth import OAuthMethod
from rosetta_hub.authenticators.settings import MethodSettings
from rosetta_hub.catalogue.validation import load_entries, load_options
from rosetta_hub.config import Rosetta
from rosetta_hub.errors import ConfigError
from rosetta_hub.keys import Keys

_SECTION = "RosettaAuthenticator"


def build_methods(outer: Any, settings: Rosetta, keys: Keys) -> dict[str, LoginMethod]:
    """All methods by id, in the order of the configuration.

    Raises:
        ConfigError: the configuration can't be used.
    """
    entries = load_entries("methods", MethodSettings, outer.methods, _SECTION)
    hub_url = settings.hub_url.rstrip("/")
    methods: list[LoginMethod] = [_build(entry, outer, hub_url) for entry in entries]
    if outer.local_accounts is not None:
        methods.append(_build_local(outer, settings, keys))
    by_id = {method.id: method for method in methods}
    if len(by_id) < len(methods):
        raise ConfigError("c.RosettaAuthenticator.methods: two entries have the same id.")
    if not by_id:
        raise ConfigError(
            "c.JupyterHub.authenticator_class is 'rosetta', but there is no way to sign in. Set"
            " c.RosettaAuthenticator.methods or local_accounts."
        )
    return by_id


def _build_local(outer: Any, settings: Rosetta, keys: Keys) -> LocalMethod:
    options = load_options("local_accounts", LocalSettings, outer.local_accounts, _SECTION)
    database = outer.accounts.database
    local = LocalAccounts(database, keys, options, settings.hub_url, settings.mail_available)
    return LocalMethod(local)


def _build(entry: MethodSettings, outer: Any, hub_url: str) -> OAuthMethod:
    names = {base.__name__ for base in entry.load_class().mro()}
    kind = GitHubMethod if "GitHubOAuthenticator" in names else OAuthMethod
    return kind(entry, outer, hub_url)
