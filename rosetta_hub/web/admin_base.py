"""What all routes for administrators share: who may ask, and a record of those who may not."""

from datetime import timedelta

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.audit.queries import AuditFilter, AuditQueries
from rosetta_hub.database.models import utc_now
from rosetta_hub.errors import NotAllowed
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.page_handler import PageHandler

REFUSALS_INTERVAL = timedelta(minutes=1)


class AdminChecks(HubHandler):
    """Lets administrators in. The hub is asked at each request: nobody stays one for a while."""

    renews_rights = True
    needs_renewal = True

    async def prepare(self) -> None:
        """Refuse everybody else, and write that down.

        Raises:
            NotAllowed: the principal is no administrator, or its token may do less.
            HubUnavailable: the hub does not say what the principal may do now.
        """
        await super().prepare()
        if self._finished:
            return
        try:
            self.principal.check_admin()
        except NotAllowed:
            self._record_refusal()
            raise

    def _record_refusal(self) -> None:
        """Once in `REFUSALS_INTERVAL` for each user, so that nobody fills the log with them."""
        event, name = AuditEvent.ADMIN_REFUSED, self.principal.name
        recent = AuditFilter(event=event, actor=name, since=utc_now() - REFUSALS_INTERVAL)
        if not AuditQueries(self.services.tasks.database).has_any(recent):
            self.audit(event, target=self.request.path)


class AdminHandler(AdminChecks):
    """For `api/v1/admin/…`."""


class AdminPageHandler(AdminChecks, PageHandler):
    """For pages of administrators."""
