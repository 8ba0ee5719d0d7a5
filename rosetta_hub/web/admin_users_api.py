"""`api/v1/admin/users`: who uses what, and the end of somebody's sessions."""

from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rosetta_hub.errors import NotFound
from rosetta_hub.web.admin_base import AdminHandler, Routes
from rosetta_hub.web.bodies import parse_body


class UsersQuery(BaseModel):
    """Part of a name, and how many users are left out before the first one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str = Field(default="", max_length=255)
    skip: int = Field(default=0, ge=0, le=1_000_000)
    limit: int = Field(default=100, ge=1, le=500)


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
        end = query.skip + query.limit
        page = [asdict(one) for one in found[query.skip : end]]
        for one in page:
            one["last_seen"] = one["last_seen"].isoformat() if one["last_seen"] else None
        self.answer({"users": page, "total": len(found), "next": end if end < len(found) else None})


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
