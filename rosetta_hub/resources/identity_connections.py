"""What the settings page needs of the connections: trying a key out, and dropping an old one."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from rosetta_hub.access import Access
from rosetta_hub.database.models_user import IdentityState
from rosetta_hub.errors import AuthenticationFailed, Unavailable
from rosetta_hub.resources.endpoints import Endpoints
from rosetta_hub.resources.inventory_collector import InventoryCollector
from rosetta_hub.ssh.endpoint import Endpoint
from rosetta_hub.tunnels.client import TunnelsClient

# Seconds.
TEST_TIMEOUT = 30


class IdentityConnections:
    """Connects users' keys with the connections that use them."""

    def __init__(
        self,
        endpoints: Mapping[str, Endpoints],
        tunnels: TunnelsClient,
        open_access: Callable[[Endpoint], Access],
        inventory: InventoryCollector,
    ) -> None:
        self._endpoints = endpoints
        self._tunnels = tunnels
        self._open_access = open_access
        self._inventory = inventory

    async def test(self, user: str, computing: str) -> tuple[IdentityState, str]:
        """Log in anew, and run a command that does nothing.

        Raises:
            ResourceUnavailable: nothing was found out.
        """
        usual = self._endpoints[computing].endpoint(user)
        # A connection of its own: the user's tasks go on over the other one.
        endpoint = replace(usual, identity=f"{usual.identity} (test)")
        try:
            await self._open_access(endpoint).run(["true"], "", TEST_TIMEOUT)
        except AuthenticationFailed as error:
            return IdentityState.REFUSED, str(error)
        finally:
            await self._tunnels.forget_key(endpoint)
        self._inventory.forget(computing, user)
        return IdentityState.WORKS, ""

    async def changed(self, user: str, computing: str) -> None:
        """Close what was opened with the old key or account, and connect anew from now on."""
        self._inventory.forget(computing, user)
        endpoints = self._endpoints.get(computing)
        if endpoints is None:
            # A resource that is not in the configuration any more.
            return
        try:
            await self._tunnels.forget_key(endpoints.endpoint(user))
        except Unavailable:
            # A process that does not answer holds no connection, either.
            return
