"""Who asks, with what is shared with them and with the groups that they are in.

The hub's tokens don't tell it, neither on 5.2 nor on 6.1: what is shared with a group is in none of
its members' tokens, and a browser's token has of the shares with its user those alone that were
there when the user logged in. So the service asks for both and adds them, here and nowhere else:
lists, pages, entering, logs, and the check of the sessions at the edge agree.
"""

import logging
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from jupyterhub.scopes import expand_scopes
from jupyterhub.services.auth import HubOAuth

from rosetta_hub.errors import UserError
from rosetta_hub.hub.client import HubClient
from rosetta_hub.hub.shares import HubShare
from rosetta_hub.tasks.principal import Principal

log = logging.getLogger(__name__)

# Seconds for which the hub's answers are kept, as those about tokens are (`web/auth.py`).
MAX_AGE = 30
# Seconds for which they are new: a page asks for several things at once.
NEW = 1


class Principals:
    """Makes principals of the hub's answers to `GET /hub/api/user`.

    Without `hub` nothing is added: sharing is switched off. `hub_auth` keeps those answers.
    """

    def __init__(self, hub: HubClient | None, hub_auth: HubOAuth) -> None:
        self._hub = hub
        self._hub_auth = hub_auth
        # By user: when the hub was asked, and what it answered.
        self._kept: dict[str, tuple[float, list[HubShare]]] = {}
        self._changes = 0

    async def of(self, model: dict[str, Any], renew: bool = False) -> Principal:
        """The principal; with `renew` the hub is asked anew what is shared with it.

        Raises:
            HubUnavailable: the hub does not answer.
        """
        principal = Principal.from_model(model)
        if self._hub is None or model.get("kind") == "service" or not _opens_all(principal):
            return principal
        shares = await self._shares(self._hub, principal.name, renew)
        return _add(principal, shares)

    def forget(self) -> None:
        """Ask the hub anew for everybody: a share has changed."""
        self._kept.clear()
        self._changes += 1
        self._hub_auth.cache.clear()

    async def _shares(self, hub: HubClient, user: str, renew: bool) -> list[HubShare]:
        now = time.monotonic()
        asked_at, shares = self._kept.get(user, (now - MAX_AGE, []))
        if now - asked_at < (NEW if renew else MAX_AGE):
            return shares
        changes = self._changes
        try:
            shares = await hub.shares_with_user(user)
        except UserError as error:
            # The hub does not let the service ask: its role is not the one of `setup`.
            log.warning("what is shared with %s is not known: %s", user, error)
            shares = []
        self._kept = {name: entry for name, entry in self._kept.items() if now - entry[0] < MAX_AGE}
        # What was asked before a change may be of before it.
        if changes == self._changes:
            self._kept[user] = (now, shares)
        return shares


def _opens_all(principal: Principal) -> bool:
    """Whether the token is not a narrow one: those get nothing that they don't name."""
    return principal.may_all("access:servers", principal.name)


def _add(principal: Principal, shares: Iterable[HubShare]) -> Principal:
    """The principal with its shares, as far as its token reaches.

    A verb that the token does not have for the user's own servers it does not have for others.
    """
    granted = {
        scope
        for share in shares
        for scope in expand_scopes(share.scopes)
        if principal.may_all(scope.partition("!")[0], principal.name)
    }
    return replace(principal, scopes=principal.scopes | granted)
