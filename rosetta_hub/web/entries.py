"""Entries into tasks, in the audit log."""

from datetime import timedelta

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.audit.queries import AuditFilter, AuditQueries
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.web.handlers import HubHandler


def audit_entry(handler: HubHandler, task: Task) -> None:
    """Write down that the principal enters a task, once in the hours of a browser's session.

    A page asks for a password each time it is looked at, and programs open many connections.
    """
    since = utc_now() - timedelta(hours=handler.services.settings.session_hours)
    event, name = AuditEvent.TASK_ENTER, handler.principal.name
    recent = AuditFilter(event=event, actor=name, task=task.id, since=since)
    if not AuditQueries(handler.services.tasks.database).has_any(recent):
        handler.audit_task(event, task)
