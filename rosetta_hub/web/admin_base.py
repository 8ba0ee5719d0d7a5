"""What all routes for administrators share: who may ask, and a record of those who may not."""

from datetime import timedelta

from rosetta_hub.audit.log import AuditEvent
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
        if not self.was_audited(AuditEvent.ADMIN_REFUSED, REFUSALS_INTERVAL):
            self.audit(AuditEvent.ADMIN_REFUSED, target=self.request.path)


class AdminHandler(AdminChecks):
    """For `api/v1/admin/…`."""


class AdminPageHandler(AdminChecks, PageHandler):
    """For pages of administrators."""
