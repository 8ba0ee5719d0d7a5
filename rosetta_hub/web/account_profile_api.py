"""`api/v1/account/dates` and `api/v1/account/groups`: how times are written, and groups."""

from pydantic import BaseModel

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.users.dates import DateChoices
from rosetta_hub.users.groups import GroupView, group_views
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.operations import operation
from rosetta_hub.web.revisions import Revised, check_match, revision_of
from rosetta_hub.web.rights import CHANGE_OWN, READ_OWN


class GroupList(BaseModel):
    """The user's groups."""

    groups: list[GroupView]


class DatesView(Revised):
    """A user's time zone (`Europe/Berlin`) and language of dates (`de`); null: the browser's."""

    time_zone: str | None
    language: str | None


class DatesHandler(HubHandler):
    """`api/v1/account/dates`."""

    path = "account/dates"

    @operation(id="get_dates", right=READ_OWN, answer=DatesView)
    def get(self) -> DatesView:
        """Time zone and language in which the user sees dates."""
        return self._view()

    @operation(id="set_dates", right=CHANGE_OWN, answer=DatesView, matches=True)
    def put(self, body: DateChoices) -> DatesView:
        """Set time zone and language of dates."""
        check_match(self.request, self._view().revision)
        self.services.account.dates.set(self.principal.name, body)
        self.audit(AuditEvent.SETTINGS_CHANGE, user=self.principal.name, target="dates")
        return self._view()

    def _view(self) -> DatesView:
        choices = self.services.account.dates.of(self.principal.name).model_dump()
        return DatesView(**choices, revision=revision_of(choices))


class GroupsHandler(HubHandler):
    """`api/v1/account/groups`."""

    path = "account/groups"

    @operation(id="list_groups", right=READ_OWN, answer=GroupList)
    def get(self) -> GroupList:
        """The user's groups, and what is limited to each."""
        services = self.services
        views = group_views(self.principal.groups, services.tasks.catalogue, services.library.rules)
        return GroupList(groups=views)
