"""`api/v1/account/dates` and `api/v1/account/groups`: how times are written, and groups."""

from typing import Any

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.users.dates import DateChoices
from rosetta_hub.users.groups import group_views
from rosetta_hub.web.bodies import parse_body
from rosetta_hub.web.handlers import HubHandler


class DatesHandler(HubHandler):
    """`api/v1/account/dates`."""

    def get(self) -> None:
        """The principal's time zone and language of dates."""
        self.principal.check_own("read:servers")
        self.answer(self.services.account.dates.of(self.principal.name))

    def put(self) -> None:
        """Set both."""
        self.principal.check_own("servers")
        choices = parse_body(DateChoices, self.json_body())
        self.services.account.dates.set(self.principal.name, choices)
        self.audit(AuditEvent.SETTINGS_CHANGE, user=self.principal.name, target="dates")
        self.answer(choices)


class GroupsHandler(HubHandler):
    """`api/v1/account/groups`."""

    def get(self) -> None:
        """The principal's groups, and what is limited to each."""
        self.principal.check_own("read:servers")
        services = self.services
        views = group_views(self.principal.groups, services.tasks.catalogue, services.library.rules)
        self.answer({"groups": [view.model_dump() for view in views]})


def account_profile_routes(
    prefix: str, arguments: dict[str, Any]
) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    return [
        (rf"{prefix}api/v1/account/dates", DatesHandler, arguments),
        (rf"{prefix}api/v1/account/groups", GroupsHandler, arguments),
    ]
