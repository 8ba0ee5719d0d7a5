"""What is stored of a user's shares, for the data export."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rosetta_hub.database.models import Task
from rosetta_hub.database.models_sharing import ShareLink, TaskShare
from rosetta_hub.sharing.view import view_link


def export_user(session: Session, user: str) -> dict[str, Any]:
    """Shares of the user's tasks and with the user, and links of the user's tasks; no codes."""
    with_user = (TaskShare.kind == "user") & (TaskShare.name == user)
    shares = session.scalars(select(TaskShare).where((TaskShare.owner == user) | with_user))
    links = session.scalars(
        select(ShareLink).join(Task, Task.id == ShareLink.task_id).where(Task.user == user)
    )
    return {
        "shares": [
            {
                "task": share.task_id,
                "owner": share.owner,
                "kind": share.kind,
                "name": share.name,
                "until": share.until and share.until.isoformat(),
                "created": share.created.isoformat(),
                "created_by": share.created_by,
            }
            for share in shares
        ],
        "share_links": [view_link(link).model_dump(mode="json") for link in links],
    }
