"""`api/v1/computing`: what runs tasks, and what of it is idle now."""

from typing import Any

from rosetta_hub.catalogue.catalogue import may_use
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.families import computing_dict
from rosetta_hub.errors import NotFound
from rosetta_hub.web.handlers import HubHandler


class ComputingHandler(HubHandler):
    """`GET api/v1/computing`: the computing resources of the principal."""

    def get(self) -> None:
        """All resources, with the principal's account on each; `drained`: why it takes no tasks."""
        user, catalogue = self.principal.user, self.services.tasks.catalogue
        found = [
            {
                **computing_dict(one),
                "identity": self._identity(one),
                "drained": catalogue.drained.get(one.id),
            }
            for one in catalogue.computing.values()
            if may_use(user, one)
        ]
        self.answer({"computing": found})

    def _identity(self, computing: Computing) -> dict[str, Any] | None:
        if computing.auth_mode != "user_keys":
            return None
        return {
            "needed": True,
            "ready": self.services.identities.ready(self.principal.user, computing),
            "url": f"{self.services.settings.service_prefix}account#key-{computing.id}",
        }


class InventoryHandler(HubHandler):
    """`GET api/v1/computing/<id>/inventory`: what a cluster has, at most a minute old."""

    async def get(self, computing_id: str) -> None:
        """The inventory as the principal's own account sees them."""
        computing = self.services.tasks.catalogue.computing.get(computing_id)
        if computing is None or not may_use(self.principal.user, computing):
            raise NotFound("There is no such computing resource.")
        if not computing.has_queue:
            raise NotFound(f"{computing.name} has no queue.")
        inventory, error = await self.services.inventory.get(computing.id, self.principal.name)
        known = inventory.model_dump(mode="json") if inventory else {}
        empty: dict[str, Any] = {"partitions": [], "accounts": [], "qos": [], "collected": None}
        self.answer({**empty, **known, "error": error})


def computing_routes(
    prefix: str, arguments: dict[str, Any]
) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    return [
        (rf"{prefix}api/v1/computing", ComputingHandler, arguments),
        (rf"{prefix}api/v1/computing/([a-z0-9._-]{{1,63}})/inventory", InventoryHandler, arguments),
    ]
