"""What all routes for administrators share: who may ask, and a record of those who may not."""

from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel
from tornado import web

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.audit.queries import AuditFilter, AuditQueries
from rosetta_hub.database.models import utc_now
from rosetta_hub.errors import NotAllowed
from rosetta_hub.web.bodies import parse_body
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.page_handler import PageHandler

REFUSALS_INTERVAL = timedelta(minutes=1)

Query = TypeVar("Query", bound=BaseModel)


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

    def read_query(self, model: type[Query]) -> Query:
        """The query of the address as a model; empty values count as left out.

        Raises:
            InvalidOptions: it does not fit.
        """
        values: dict[str, Any] = {}
        for name in self.request.query_arguments:
            texts = [text for text in self.get_query_arguments(name) if text]
            # JupyterHub's XSRF token may stand in the address, too.
            if texts and name != "_xsrf":
                values[name] = texts if len(texts) > 1 else texts[0]
        return parse_body(model, values)


class AdminHandler(AdminChecks):
    """For `api/v1/admin/…`."""


class AdminPageHandler(AdminChecks, PageHandler):
    """For pages of administrators."""


Routes = list[tuple[str, type[web.RequestHandler], dict[str, Any]]]
