"""`api/v1/admin/computing`: how each resource does, and draining it."""

import asyncio
import shutil
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rosetta_hub.administration.overview import ComputingNumbers
from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.database.models_administration import MESSAGE_LENGTH
from rosetta_hub.errors import NotFound
from rosetta_hub.web.admin_base import AdminHandler, Routes
from rosetta_hub.web.bodies import parse_body


class Drain(BaseModel):
    """Why a resource takes no new tasks, for its users."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    message: str = Field(default="", max_length=MESSAGE_LENGTH)


class AdminComputingHandler(AdminHandler):
    """`api/v1/admin/computing`."""

    async def get(self) -> None:
        """All resources, and the parts of the service."""
        numbers = self.services.administration.overview.computing()
        found = self.services.tasks.catalogue.computing.values()
        settings = self.services.settings
        usage = shutil.disk_usage(settings.state_path)
        self.answer(
            {
                "computing": [self.computing_document(one, numbers.get(one.id)) for one in found],
                "faults": await self.services.health.faults(),
                "disk": {"free": usage.free, "total": usage.total},
                "logs": await asyncio.to_thread(self.services.tasks.logs.size),
                "kept": {
                    "tasks_days": settings.ended_tasks_days,
                    "tasks_per_user": settings.ended_tasks_per_user,
                    "audit_days": settings.audit_days,
                },
            }
        )

    def computing_document(
        self, computing: Computing, numbers: ComputingNumbers | None
    ) -> dict[str, Any]:
        """One resource as JSON."""
        counted = asdict(numbers or ComputingNumbers())
        failure = counted.pop("last_failure")
        return {
            "id": computing.id,
            "name": computing.name,
            "type": computing.type,
            "wms": computing.wms,
            "tunnel": computing.tunnel,
            **counted,
            "last_failure": failure.isoformat() if failure else None,
            "errors": self._errors(computing.id),
            "drained": drain_document(self, computing.id),
        }

    def _errors(self, computing: str) -> list[dict[str, Any]]:
        """What went wrong when the resource was asked, and still does, with the users concerned."""
        messages: dict[str, dict[str, Any]] = {}
        for user, condition in self.services.conditions.of_computing(computing).items():
            text, since = condition.message, condition.since
            known = messages.setdefault(text, {"message": text, "since": since, "users": []})
            known["since"] = min(known["since"], since)
            known["users"].append(user)
        return [
            {**one, "since": one["since"].isoformat(), "users": sorted(one["users"])}
            for one in messages.values()
        ]


class DrainHandler(AdminHandler):
    """`api/v1/admin/computing/<id>/drain`."""

    def put(self, computing: str) -> None:
        """Let no more tasks start there, and tell users why; those that run go on."""
        self._check(computing)
        message = parse_body(Drain, self.json_body()).message
        self.services.administration.drains.drain(computing, message, self.principal.name)
        self._record(computing, "drain", {"message": message} if message else {})

    def delete(self, computing: str) -> None:
        """Let tasks start there again."""
        self._check(computing)
        self.services.administration.drains.resume(computing)
        self._record(computing, "resume", {})

    def _check(self, computing: str) -> None:
        if computing not in self.services.tasks.catalogue.computing:
            raise NotFound("There is no such computing resource.")

    def _record(self, computing: str, change: str, detail: dict[str, str]) -> None:
        self.audit(
            AuditEvent.COMPUTING_DRAIN, target=computing, detail={"change": change, **detail}
        )
        self.answer({"drained": drain_document(self, computing)})


def drain_document(handler: AdminHandler, computing: str) -> dict[str, Any] | None:
    """How a resource is drained; null where it is not."""
    row = handler.services.administration.drains.find(computing)
    if row is None:
        return None
    return {"message": row.message, "since": row.since.isoformat(), "by": row.drained_by}


def admin_computing_routes(prefix: str, arguments: dict[str, Any]) -> Routes:
    """The routes of this module below `prefix`."""
    computing = rf"{prefix}api/v1/admin/computing"
    return [
        (computing, AdminComputingHandler, arguments),
        (rf"{computing}/([a-z0-9._-]{{1,63}})/drain", DrainHandler, arguments),
    ]
