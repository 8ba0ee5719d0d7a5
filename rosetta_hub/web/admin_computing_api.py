"""`api/v1/admin/computing`: how each resource does, and draining it."""

import asyncio
import shutil
from dataclasses import asdict
from datetime import datetime

from pydantic import BaseModel, Field

from rosetta_hub.administration.overview import ComputingNumbers
from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.database.models_administration import MESSAGE_LENGTH
from rosetta_hub.errors import NotFound
from rosetta_hub.web.admin_base import AdminHandler
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.operations import operation
from rosetta_hub.web.revisions import Revised, check_match, revision_of
from rosetta_hub.web.rights import ADMINISTER


class Drain(RequestModel, str_strip_whitespace=True):
    """Why a resource takes no new tasks, for its users."""

    message: str = Field(default="", max_length=MESSAGE_LENGTH)


class DrainView(BaseModel):
    """How a resource is drained: why, since when, and by whom."""

    message: str
    since: datetime
    by: str


class DrainState(Revised):
    """Whether a resource is drained; null: it takes tasks."""

    drained: DrainView | None


class ComputingError(BaseModel):
    """What went wrong when a resource was asked, and still does, with the users concerned."""

    message: str
    since: datetime
    users: list[str]


class AdminComputing(Revised):
    """How a resource does: its active tasks by state, for what its jobs wait, and what is wrong.

    `unresponsive` counts tasks whose agents have missed several reports; `revision` is that of
    `drained`.
    """

    id: str
    name: str
    type: str
    wms: str
    tunnel: str | None
    states: dict[str, int]
    waiting_for: dict[str, int]
    unresponsive: int
    last_failure: datetime | None
    errors: list[ComputingError]
    drained: DrainView | None


class DiskSpace(BaseModel):
    """Of the directory that the service keeps its state in, in bytes."""

    free: int
    total: int


class KeptFor(BaseModel):
    """How long ended tasks and audit records are kept, in days, and how many tasks of a user."""

    tasks_days: int
    tasks_per_user: int
    audit_days: int


class SystemView(BaseModel):
    """All resources and the parts of the service; `faults` are messages by part, `logs` bytes."""

    computing: list[AdminComputing]
    faults: dict[str, str]
    disk: DiskSpace
    logs: int
    kept: KeptFor


class AdminComputingHandler(AdminHandler):
    """`api/v1/admin/computing`."""

    path = "admin/computing"

    @operation(id="get_system", right=ADMINISTER, answer=SystemView)
    async def get(self) -> SystemView:
        """How each computing resource and each part of the service does."""
        numbers = self.services.administration.overview.computing()
        resources = self.services.tasks.catalogue.computing.values()
        settings = self.services.settings
        usage = shutil.disk_usage(settings.state_path)
        return SystemView(
            computing=[self._view(resource, numbers.get(resource.id)) for resource in resources],
            faults=await self.services.health.faults(),
            disk=DiskSpace(free=usage.free, total=usage.total),
            logs=await asyncio.to_thread(self.services.tasks.logs.size),
            kept=KeptFor(
                tasks_days=settings.ended_tasks_days,
                tasks_per_user=settings.ended_tasks_per_user,
                audit_days=settings.audit_days,
            ),
        )

    def _view(self, computing: Computing, numbers: ComputingNumbers | None) -> AdminComputing:
        return AdminComputing(
            id=computing.id,
            name=computing.name,
            type=computing.type,
            wms=computing.wms,
            tunnel=computing.tunnel,
            **asdict(numbers or ComputingNumbers()),
            errors=self._errors(computing.id),
            **dict(drain_state(self, computing.id)),
        )

    def _errors(self, computing: str) -> list[ComputingError]:
        errors: dict[str, ComputingError] = {}
        for user, condition in sorted(self.services.conditions.of_computing(computing).items()):
            text, since = condition.message, condition.since
            error = errors.setdefault(text, ComputingError(message=text, since=since, users=[]))
            error.since = min(error.since, since)
            error.users.append(user)
        return list(errors.values())


class DrainHandler(AdminHandler):
    """`api/v1/admin/computing/<id>/drain`."""

    path = "admin/computing/{computing}/drain"

    @operation(id="drain_computing", right=ADMINISTER, answer=DrainState, matches=True)
    def put(self, computing: str, body: Drain) -> DrainState:
        """Let no more tasks start on a resource, and tell users why; those that run go on."""
        self._check(computing)
        message = body.message
        self.services.administration.drains.drain(computing, message, self.principal.name)
        return self._changed(computing, "drain", {"message": message} if message else {})

    @operation(id="resume_computing", right=ADMINISTER, answer=DrainState, matches=True)
    def delete(self, computing: str) -> DrainState:
        """Let tasks start on a resource again."""
        self._check(computing)
        self.services.administration.drains.resume(computing)
        return self._changed(computing, "resume", {})

    def _check(self, computing: str) -> None:
        if computing not in self.services.tasks.catalogue.computing:
            raise NotFound("There is no such computing resource.")
        check_match(self.request, drain_state(self, computing).revision)

    def _changed(self, computing: str, change: str, detail: dict[str, str]) -> DrainState:
        self.audit(
            AuditEvent.COMPUTING_DRAIN, target=computing, detail={"change": change, **detail}
        )
        return drain_state(self, computing)


def drain_state(handler: AdminHandler, computing: str) -> DrainState:
    """Whether a resource is drained, and how."""
    row = handler.services.administration.drains.find(computing)
    if row is None:
        return DrainState(drained=None, revision=revision_of(None))
    return DrainState(
        drained=DrainView(message=row.message, since=row.since, by=row.drained_by),
        revision=revision_of(row.message, row.since, row.drained_by),
    )
