"""`api/v1/admin/users`: who uses what, and the end of somebody's sessions."""

from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rosetta_hub.database.pages import PageQuery, cut_page
from rosetta_hub.errors import NotFound
from rosetta_hub.web.admin_base import AdminHandler, Routes
from rosetta_hub.web.bodies import parse_body


class UsersQuery(PageQuery):
    """Part of a name."""

    user: str = Field(default="", max_length=255)


class SessionsEnd(BaseModel):
    """Whether the user's API tokens end, too."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_tokens: bool = False


class AdminUsersHandler(AdminHandler):
    """`api/v1/admin/users`."""

    def get(self) -> None:
        """Users with tasks, those with the most active ones first; `next` is null at the end."""
        query = self.read_query(UsersQuery)
        wanted = query.user.casefold()
        users = self.services.administration.overview.users()
        found = [one for one in users if wanted in one.name.casefold()]
        page = cut_page(found, lambda one: (-one.active, one.name), query)
        documents = [asdict(one) for one in page.rows]
        for one in documents:
            one["last_seen"] = one["last_seen"].isoformat() if one["last_seen"] else None
        self.answer({"users": documents, "total": len(found), "next": page.next})


class AdminSessionsHandler(AdminHandler):
    """`api/v1/admin/users/<name>/sessions/end`."""

    async def post(self, name: str) -> None:
        """End all logins of the user, at the hub and in tasks."""
        wanted = parse_body(SessionsEnd, self.json_body())
        if not await self.services.hub.has_user(name):
            raise NotFound("The hub has no such user.")
        await self.services.session_ender.end(
            name,
            actor=self.principal.name,
            api_tokens=wanted.api_tokens,
            address=self.client_address,
        )
        self.answer({})


def admin_users_routes(prefix: str, arguments: dict[str, Any]) -> Routes:
    """The routes of this module below `prefix`."""
    return [
        (rf"{prefix}api/v1/admin/users", AdminUsersHandler, arguments),
        (rf"{prefix}api/v1/admin/users/([^/]+)/sessions/end", AdminSessionsHandler, arguments),
    ]
