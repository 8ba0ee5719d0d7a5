"""`api/v1/account/data`: what is stored about the user, to take along or to delete."""

import json

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.errors import InvalidOptions
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.operations import Content, operation
from rosetta_hub.web.rights import CHANGE_OWN


class Deletion(RequestModel, strict=True):
    """The user's own name, typed in."""

    name: str


class DataHandler(HubHandler):
    """`api/v1/account/data`."""

    path = "account/data"

    @operation(id="export_data", right=CHANGE_OWN, answer=Content("application/json"))
    def get(self) -> None:
        """Everything that is stored about the user, as a file without secrets."""
        name = self.principal.name
        document = self.services.account.exports.document(name)
        self.audit(AuditEvent.DATA_EXPORT, user=name)
        self.set_header("Content-Type", "application/json")
        self.set_header("Content-Disposition", 'attachment; filename="rosetta-data.json"')
        self.finish(json.dumps(document, indent=1))


class DeletionHandler(HubHandler):
    """`api/v1/account/data/delete`."""

    path = "account/data/delete"

    @operation(id="delete_data", right=CHANGE_OWN, refuses=(409,))
    async def post(self, body: Deletion) -> None:
        """Delete what is stored about the user, with all tasks.

        The user of the hub stays, and signs in as before.
        """
        name = self.principal.name
        if body.name != name:
            raise InvalidOptions(f"Type your user name, {name}, to delete what is stored for you.")
        await self.services.users.delete_own(name)
        self.audit(AuditEvent.DATA_DELETE, user=name)
