"""`api/v1/computing`: what runs tasks, and what of it is idle now."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from rosetta_hub.catalogue.catalogue import may_use
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.computing_view import ComputingView, view_computing
from rosetta_hub.errors import NotFound
from rosetta_hub.resources.inventory import Partition, Qos, SchedulerAccount
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.operations import operation
from rosetta_hub.web.rights import LOGGED_IN


class OwnIdentity(BaseModel):
    """Whether the user's own account on a resource can be used; `url` is where to set it."""

    needed: bool
    ready: bool
    url: str


class OwnComputing(ComputingView):
    """A resource with the user's own account on it; `drained`: why it takes no tasks now."""

    identity: OwnIdentity | None
    drained: str | None


class ComputingList(BaseModel):
    """Computing resources."""

    computing: list[OwnComputing]


class InventoryView(BaseModel):
    """What a cluster has, and what of it is idle: memory in bytes, times in seconds.

    `collected` is when it was asked, null where it never answered; `error` is why it does not now.
    """

    partitions: list[Partition]
    accounts: list[SchedulerAccount]
    qos: list[Qos]
    collected: datetime | None
    error: str | None


class ComputingHandler(HubHandler):
    """`GET api/v1/computing`: the computing resources of the user."""

    path = "computing"

    @operation(id="list_computing", right=LOGGED_IN, answer=ComputingList)
    def get(self) -> ComputingList:
        """The computing resources that the user may use."""
        user, catalogue = self.principal.user, self.services.tasks.catalogue
        return ComputingList(
            computing=[
                OwnComputing(
                    **dict(view_computing(resource)),
                    identity=self._identity(resource),
                    drained=catalogue.drained.get(resource.id),
                )
                for resource in catalogue.computing.values()
                if may_use(user, resource)
            ]
        )

    def _identity(self, computing: Computing) -> OwnIdentity | None:
        if computing.auth_mode != "user_keys":
            return None
        return OwnIdentity(
            needed=True,
            ready=self.services.identities.ready(self.principal.user, computing),
            url=f"{self.services.settings.service_prefix}account#key-{computing.id}",
        )


class InventoryHandler(HubHandler):
    """`GET api/v1/computing/<id>/inventory`: what a cluster has, at most a minute old."""

    path = "computing/{computing}/inventory"

    @operation(id="get_inventory", right=LOGGED_IN, answer=InventoryView)
    async def get(self, computing_id: str) -> InventoryView:
        """Partitions, limits and accounts of a cluster, as the user's own account sees them."""
        computing = self.services.tasks.catalogue.computing.get(computing_id)
        if computing is None or not may_use(self.principal.user, computing):
            raise NotFound("There is no such computing resource.")
        if not computing.has_queue:
            raise NotFound(f"{computing.name} has no queue.")
        inventory, error = await self.services.inventory.get(computing.id, self.principal.name)
        content = dict(inventory) if inventory else {}
        empty: dict[str, Any] = {"partitions": [], "accounts": [], "qos": [], "collected": None}
        return InventoryView.model_validate({**empty, **content, "error": error})
