"""What a test does with a real browser."""

import secrets
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.edge.conftest import OpenTask


async def build_open_url(task: "OpenTask", path: str = "/") -> str:
    """The address that opens a task once."""
    ticket = secrets.token_urlsafe(16)
    session = secrets.token_urlsafe(24)
    await task.rig.client.post_ticket(task.id, ticket, session, "alice", 60, time.time() + 3600)
    return f"{task.origin}/_rosetta/open?ticket={ticket}&next={path}"
