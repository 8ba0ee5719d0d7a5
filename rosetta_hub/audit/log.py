"""Writing to the audit log."""

import enum
import json
import logging
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from sqlalchemy import event as orm_event
from sqlalchemy.orm import Session

from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_audit import AuditRecord

# One line of JSON a record, for sites that collect logs.
stream = logging.getLogger("rosetta.audit")

# The actors of what happens without anybody's request, or without one that we see: JupyterHub
# stops servers on its own pages, and culls them.
SERVICE = "service"
HUB = "jupyterhub"


class AuditEvent(enum.StrEnum):
    """What happened. Only the text is stored: records of events that are no more stay readable."""

    LOGIN = "login"
    LOGIN_REFUSED = "login.refused"
    LOGOUT = "logout"
    LOGIN_LINK = "login.link"
    LOGIN_UNLINK = "login.unlink"
    LOGIN_MERGE = "login.merge"
    ACCOUNT_SIGN_UP = "account.sign_up"
    ACCOUNT_APPROVE = "account.approve"
    ACCOUNT_REFUSE = "account.refuse"
    ACCOUNT_INVITE = "account.invite"
    ACCOUNT_BLOCK = "account.block"
    PASSWORD_CHANGE = "password.change"  # noqa: S105 - no password
    PASSWORD_RESET = "password.reset"  # noqa: S105 - no password
    EMAIL_CONFIRM = "email.confirm"
    SESSION_END = "session.end"
    TOKEN_CREATE = "token.create"  # noqa: S105 - no password
    TOKEN_DELETE = "token.delete"  # noqa: S105 - no password
    KEY_CHANGE = "key.change"
    REGISTRY_CHANGE = "registry.change"
    SETTINGS_CHANGE = "settings.change"
    TASK_START = "task.start"
    TASK_STOP = "task.stop"
    TASK_DELETE = "task.delete"
    TASK_ENTER = "task.enter"
    TASK_KEEP = "task.keep"
    TASK_STOP_AT = "task.stop_at"
    TASK_EXTEND = "task.extend"
    SHARE_CREATE = "share.create"
    SHARE_ACCEPT = "share.accept"
    SHARE_END = "share.end"
    SOFTWARE_CHANGE = "software.change"
    BUILD_START = "build.start"
    COMPUTING_DRAIN = "computing.drain"
    ANNOUNCEMENT_CHANGE = "announcement.change"
    ADMIN_REFUSED = "admin.refused"
    AUDIT_EXPORT = "audit.export"
    DATA_EXPORT = "data.export"
    DATA_DELETE = "data.delete"


class AuditLog:
    """Adds records to the table `audit`, and prints each as a line of JSON when it is stored.

    Callers must not hand over secrets: no token, cookie, password or key, not even a part of one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self,
        event: AuditEvent,
        actor: str,
        *,
        user: str | None = None,
        task: str | None = None,
        target: str | None = None,
        address: str | None = None,
        detail: Mapping[str, Any] | None = None,
        session: Session | None = None,
    ) -> None:
        """Write down that `actor`, a name at the hub or `SERVICE`, did something from `address`.

        `user` is whom it concerns, `task` the id of a task, `target` anything else that has a name.
        `detail` is JSON. With `session` the record is stored with what that transaction changes, or
        not at all.

        Raises:
            DatabaseUnavailable: it could not be stored.
        """
        row = AuditRecord(
            time=utc_now(),
            event=event.value,
            actor=actor,
            user=user,
            task=task,
            target=target,
            address=address,
            detail=dict(detail or {}),
        )
        with nullcontext(session) if session else self._database.session() as transaction:
            transaction.add(row)
            transaction.flush()
            line = json.dumps(document(row), ensure_ascii=True)
            orm_event.listen(
                transaction, "after_commit", lambda _: stream.info("%s", line), once=True
            )


def document(record: AuditRecord) -> dict[str, Any]:
    """A record as JSON, with the keys that are set."""
    values = {
        "id": record.id,
        "time": record.time.isoformat(),
        "event": record.event,
        "actor": record.actor,
        "user": record.user,
        "task": record.task,
        "target": record.target,
        "address": record.address,
        "detail": record.detail,
    }
    return {key: value for key, value in values.items() if value not in (None, {})}
