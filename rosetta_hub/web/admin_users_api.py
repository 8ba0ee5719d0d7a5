"""`api/v1/admin/users`: who uses what, and the end of somebody's sessions."""

from pydantic import Field

from rosetta_hub.administration.overview import UserNumbers
from rosetta_hub.database.paging import PageQuery, PageView, cut_page
from rosetta_hub.errors import NotFound
from rosetta_hub.web.admin_base import AdminHandler
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.operations import operation
from rosetta_hub.web.rights import ADMINISTER


class UsersQuery(PageQuery):
    """Part of a name."""

    user: str = Field(default="", max_length=255)


class SessionsEnd(RequestModel):
    """Whether the user's API tokens end, too."""

    api_tokens: bool = False


class UserPage(PageView):
    """Users, those with the most active tasks first; `next` is null at the end."""

    users: list[UserNumbers]
    total: int


class AdminUsersHandler(AdminHandler):
    """`api/v1/admin/users`."""

    path = "admin/users"

    @operation(id="list_users", right=ADMINISTER, answer=UserPage)
    def get(self, query: UsersQuery) -> UserPage:
        """Users with tasks, those with the most active ones first."""
        part = query.user.casefold()
        users = self.services.administration.overview.users()
        matches = [user for user in users if part in user.name.casefold()]
        page = cut_page(matches, lambda user: (-user.active, user.name), query)
        return UserPage(users=page.rows, total=len(matches), next=page.next)


class AdminSessionsHandler(AdminHandler):
    """`api/v1/admin/users/<name>/sessions/end`."""

    path = "admin/users/{user}/sessions/end"

    @operation(id="end_sessions_of_user", right=ADMINISTER)
    async def post(self, name: str, body: SessionsEnd) -> None:
        """End all logins of a user, at the hub and in tasks."""
        if not await self.services.hub.has_user(name):
            raise NotFound("The hub has no such user.")
        await self.services.session_ender.end(
            name,
            actor=self.principal.name,
            api_tokens=body.api_tokens,
            address=self.client_address,
        )
