"""`api/v1/account/data`: what is stored about the principal, to take along or to delete."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.errors import InvalidOptions
from rosetta_hub.web.bodies import parse_body
from rosetta_hub.web.handlers import HubHandler


class Deletion(BaseModel):
    """The principal's own name, typed in."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str


class DataHandler(HubHandler):
    """`api/v1/account/data`."""

    def get(self) -> None:
        """Everything that is stored about the principal, as a file; without secrets."""
        self.principal.check_own("servers")
        name = self.principal.name
        document = self.services.account.exports.document(name)
        self.audit(AuditEvent.DATA_EXPORT, user=name)
        self.set_header("Content-Type", "application/json")
        self.set_header("Content-Disposition", 'attachment; filename="rosetta-data.json"')
        self.finish(json.dumps(document, indent=1))


class DeletionHandler(HubHandler):
    """`api/v1/account/data/delete`."""

    async def post(self) -> None:
        """Delete it, with all tasks; the user of the hub stays, and signs in as before."""
        self.principal.check_own("servers")
        name = self.principal.name
        if parse_body(Deletion, self.json_body()).name != name:
            raise InvalidOptions(f"Type your user name, {name}, to delete what is stored for you.")
        await self.services.users.delete_own(name)
        self.audit(AuditEvent.DATA_DELETE, user=name)
        self.answer({})


def account_data_routes(
    prefix: str, arguments: dict[str, Any]
) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    return [
        (rf"{prefix}api/v1/account/data", DataHandler, arguments),
        (rf"{prefix}api/v1/account/data/delete", DeletionHandler, arguments),
    ]
