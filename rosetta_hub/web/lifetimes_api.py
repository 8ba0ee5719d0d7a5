"""The REST API for the ends of tasks: when one is planned, and how it is put off."""

from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.background import spawn
from rosetta_hub.catalogue.units import Duration
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.errors import InvalidOptions, NotAllowed
from rosetta_hub.lifetimes.view import LifetimeView, view_lifetime
from rosetta_hub.resources.wms import JobRefused
from rosetta_hub.web.bodies import parse_body
from rosetta_hub.web.handlers import HubHandler


class StopTime(BaseModel):
    """When a task is to be stopped: at a time with its zone, or in so many seconds (`3h`).

    A null as `stop_at` takes the choice back.
    """

    model_config = ConfigDict(extra="forbid")

    stop_at: AwareDatetime | None = None
    stop_after: Duration | None = None


class MoreTime(BaseModel):
    """How much time the job of a task gets besides: seconds, or as `2h`."""

    model_config = ConfigDict(extra="forbid")

    time: Duration


class _TaskHandler(HubHandler):
    def _view(self, task: Task) -> LifetimeView:
        rights = self.principal.rights(task)
        return view_lifetime(task, self.services.lifetimes, rights.keep, rights.extend)

    def _answer(self, event: AuditEvent, task: Task) -> None:
        """Write down what the principal has decided, and show it."""
        view = self._view(task)
        ends_at = view.ends_at.isoformat() if view.ends_at else None
        self.audit(event, user=task.user, task=task.id, detail={"ends_at": ends_at})
        self.answer(view)


class LifetimeHandler(_TaskHandler):
    """`api/v1/tasks/<id>/lifetime`."""

    def get(self, task_id: str) -> None:
        """When the task ends by itself, and why."""
        self.answer(self._view(self.visible_task(task_id)))

    def put(self, task_id: str) -> None:
        """Choose when the task is stopped."""
        task = self.services.tasks.find(task_id)
        self.principal.check("servers", task)
        chosen, lifetimes = parse_body(StopTime, self.json_body()), self.services.lifetimes
        if len(chosen.model_fields_set) != 1:
            raise InvalidOptions("Set either 'stop_at' or 'stop_after'.")

        def change(row: Task) -> None:
            if chosen.stop_after is not None:
                lifetimes.stop_after(row, chosen.stop_after)
            else:
                lifetimes.stop_at(row, chosen.stop_at)

        self._answer(AuditEvent.TASK_STOP_AT, self.services.tasks.update(task, change))


class KeepHandler(_TaskHandler):
    """`api/v1/tasks/<id>/keep`."""

    def post(self, task_id: str) -> None:
        """Put off the planned end of the task."""
        task = self.services.tasks.find(task_id)
        self.principal.check("servers", task)
        lifetimes, may_extend = self.services.lifetimes, self.principal.rights(task).extend
        task = self.services.tasks.update(task, lambda row: lifetimes.keep(row, may_extend))
        # Somebody wants the task: the hub's idle culler is to know, too.
        used = {task.server_name: utc_now().isoformat()}
        report = self.services.hub.report_activity(task.user, used)
        spawn(report, f"tell the hub that {task.id} is kept")
        self._answer(AuditEvent.TASK_KEEP, task)


class TimeHandler(_TaskHandler):
    """`api/v1/tasks/<id>/time`."""

    async def post(self, task_id: str) -> None:
        """Give the running job of the task more time, where its scheduler lets its owner have it.

        A refused job is the answer 403, with the reason.
        """
        task = self.services.tasks.find(task_id)
        self.principal.check("servers", task)
        seconds = parse_body(MoreTime, self.json_body()).time
        ends_at = self.services.lifetimes.check_job_end(task, seconds)
        try:
            await self.services.extend_job(task, seconds)
        except JobRefused as error:
            raise NotAllowed(str(error)) from error
        # The scheduler is asked again soon, and may have rounded.
        task = self.services.tasks.update(task, lambda row: setattr(row, "ends_at", ends_at))
        detail = {"ends_at": ends_at.isoformat()}
        self.audit(AuditEvent.TASK_EXTEND, user=task.user, task=task.id, detail=detail)
        self.answer(self.services.viewer.view(task, self.principal.rights(task)))


def lifetimes_routes(
    prefix: str, arguments: dict[str, Any]
) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    task = rf"{prefix}api/v1/tasks/([0-9a-f]{{12}})"
    return [
        (rf"{task}/lifetime", LifetimeHandler, arguments),
        (rf"{task}/keep", KeepHandler, arguments),
        (rf"{task}/time", TimeHandler, arguments),
    ]
