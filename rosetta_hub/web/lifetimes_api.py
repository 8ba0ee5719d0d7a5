"""The REST API for the ends of tasks: when one is planned, and how it is put off."""

from pydantic import AwareDatetime

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.background import spawn
from rosetta_hub.catalogue.units import Duration
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.errors import InvalidOptions, NotAllowed
from rosetta_hub.lifetimes.view import LifetimeView, view_lifetime
from rosetta_hub.resources.wms import JobRefused
from rosetta_hub.tasks.view import TaskView
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.operations import operation
from rosetta_hub.web.rights import SEE_TASK, START_TASK
from rosetta_hub.web.task_access import TaskAccess


class StopTime(RequestModel):
    """When a task is to be stopped: at a time with its zone, or in so many seconds (`3h`).

    A null as `stop_at` takes the choice back.
    """

    stop_at: AwareDatetime | None = None
    stop_after: Duration | None = None


class MoreTime(RequestModel):
    """How much time the job of a task gets besides: seconds, or as `2h`."""

    time: Duration


class _TaskHandler(TaskAccess):
    def _view(self, task: Task) -> LifetimeView:
        rights = self.principal.rights(task)
        return view_lifetime(task, self.services.lifetimes, rights.keep, rights.extend)

    def _changed(self, event: AuditEvent, task: Task) -> LifetimeView:
        """Write down what the user has decided, and show it."""
        view = self._view(task)
        ends_at = view.ends_at.isoformat() if view.ends_at else None
        self.audit(event, user=task.user, task=task.id, detail={"ends_at": ends_at})
        return view


class LifetimeHandler(_TaskHandler):
    """`api/v1/tasks/<id>/lifetime`."""

    path = "tasks/{task}/lifetime"

    @operation(id="get_lifetime", right=SEE_TASK, answer=LifetimeView)
    def get(self, task_id: str) -> LifetimeView:
        """When a task ends by itself, and why."""
        return self._view(self.visible(self.task))

    @operation(id="set_stop_time", right=START_TASK, answer=LifetimeView, refuses=(409,))
    def put(self, task_id: str, body: StopTime) -> LifetimeView:
        """Choose when a task is stopped."""
        task = self.task
        self.principal.check("servers", task)
        choice, lifetimes = body, self.services.lifetimes
        if len(choice.model_fields_set) != 1:
            raise InvalidOptions("Set either 'stop_at' or 'stop_after'.")

        def change(row: Task) -> None:
            if choice.stop_after is not None:
                lifetimes.stop_after(row, choice.stop_after)
            else:
                lifetimes.stop_at(row, choice.stop_at)

        return self._changed(AuditEvent.TASK_STOP_AT, self.services.tasks.update(task, change))


class KeepHandler(_TaskHandler):
    """`api/v1/tasks/<id>/keep`."""

    path = "tasks/{task}/keep"

    @operation(id="keep_task", right=START_TASK, answer=LifetimeView, refuses=(409,))
    def post(self, task_id: str) -> LifetimeView:
        """Put off the planned end of a task."""
        task = self.task
        self.principal.check("servers", task)
        lifetimes, may_extend = self.services.lifetimes, self.principal.rights(task).extend
        task = self.services.tasks.update(task, lambda row: lifetimes.keep(row, may_extend))
        # Somebody wants the task: the hub's idle culler is to know, too.
        used = {task.server_name: utc_now().isoformat()}
        report = self.services.hub.report_activity(task.user, used)
        spawn(report, f"tell the hub that {task.id} is kept")
        return self._changed(AuditEvent.TASK_KEEP, task)


class TimeHandler(_TaskHandler):
    """`api/v1/tasks/<id>/time`."""

    path = "tasks/{task}/time"

    @operation(id="extend_task", right=START_TASK, answer=TaskView, refuses=(409,))
    async def post(self, task_id: str, body: MoreTime) -> TaskView:
        """Give the running job of a task more time, where its scheduler lets its owner have it.

        A refused job is the answer 403, with the reason.
        """
        task = self.task
        self.principal.check("servers", task)
        ends_at = self.services.lifetimes.check_job_end(task, body.time)
        try:
            await self.services.extend_job(task, body.time)
        except JobRefused as error:
            raise NotAllowed(str(error)) from error
        # The scheduler is asked again soon, and may have rounded.
        task = self.services.tasks.update(task, lambda row: setattr(row, "ends_at", ends_at))
        detail = {"ends_at": ends_at.isoformat()}
        self.audit(AuditEvent.TASK_EXTEND, user=task.user, task=task.id, detail=detail)
        return self.task_view(task)
