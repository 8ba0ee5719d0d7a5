"""What the service stores about a user, as one JSON document for that user."""

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select

from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Base, Task, utc_now


@dataclass(frozen=True)
class Exported:
    """Which columns of a table a user gets to see, in the rows that are the user's.

    `owners` are the columns with names of users; without them, rows are those of the user's tasks.
    The names in `named` are those of users only in rows whose column `kind` is `user`.
    `hidden` are secrets, digests of secrets, and what is of no meaning outside of the service.
    """

    hidden: frozenset[str] = frozenset()
    owners: tuple[str, ...] = ("user",)
    named: str | None = None


def _without(*hidden: str) -> Exported:
    return Exported(frozenset(hidden))


# By table. A test compares it with all tables that name users.
TABLES: dict[str, Exported] = {
    "users": Exported(owners=("name",)),
    "identities": _without("private_key"),
    "tasks": _without("environment", "edge_ports", "boot_id", "sequence"),
    "sessions": _without("digest", "token"),
    "copies": _without("part_path", "part_upload"),
    "builds": _without("key"),
    "build_users": Exported(),
    "mails": Exported(),
    "mail_settings": Exported(),
    "mail_confirmations": _without("digest"),
    "account_mails": _without("context"),
    "user_preferences": Exported(),
    "browser_logins": _without("digest"),
    "software_uses": Exported(),
    "registry_credentials": _without("password"),
    "user_software": Exported(owners=("owner",)),
    "login_links": _without("active_key"),
    "user_emails": Exported(),
    "passwords": _without("id", "hash"),
    "one_time_tokens": _without("digest"),
    "task_shares": Exported(owners=("owner",), named="name"),
    "share_links": Exported(frozenset({"digest"}), owners=("created_by",)),
    "usage_samples": Exported(frozenset({"id", "span"}), owners=()),
    "idempotent_requests": _without("key", "request", "answer"),
    "audit": Exported(owners=("actor", "user")),
}


class UserExports:
    """Reads the rows of a user out of all tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def document(self, user: str) -> dict[str, Any]:
        """Everything, by table."""
        rows = {name: self._rows(name, exported, user) for name, exported in TABLES.items()}
        return {"user": user, "exported": utc_now().isoformat(), **rows}

    def _rows(self, name: str, exported: Exported, user: str) -> list[dict[str, Any]]:
        table = Base.metadata.tables[name]
        columns = [column for column in table.columns if column.name not in exported.hidden]
        if exported.owners:
            owned = or_(*(table.columns[owner] == user for owner in exported.owners))
            if exported.named is not None:
                named = table.columns[exported.named] == user
                owned |= and_(table.columns["kind"] == "user", named)
        else:
            owned = table.columns.task_id.in_(select(Task.id).where(Task.user == user))
        with self._database.session() as session:
            rows = session.execute(select(*columns).where(owned)).mappings().all()
        return [{key: _plain(value) for key, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    """A value of a column as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value.value if isinstance(value, enum.Enum) else value
