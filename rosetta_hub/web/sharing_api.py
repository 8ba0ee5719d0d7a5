"""`api/v1/tasks/<id>/shares`: who shares a task, links that share it, who is inside."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import (
    AwareDatetime,
    BaseModel,
    Field,
    RootModel,
    StringConstraints,
)

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.database.models_sharing import ShareLink
from rosetta_hub.errors import EdgeUnavailable, InvalidOptions, NotAllowed
from rosetta_hub.hub.shares import HubShare, Kind
from rosetta_hub.sharing.records import NewLink
from rosetta_hub.sharing.view import (
    NewLinkView,
    SharesView,
    ShareView,
    VisitorView,
    view_link,
    view_share,
)
from rosetta_hub.tasks.task_urls import is_http
from rosetta_hub.tasks.view import TaskView
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.operations import operation
from rosetta_hub.web.rights import LOGGED_IN, SHARE_TASK
from rosetta_hub.web.task_access import TaskAccess

# No share and no link is meant for longer; a share without an end has none.
LONGEST = timedelta(days=366)

Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class NewShare(RequestModel):
    """With whom to share: a user, the members of a group, or whoever opens a link.

    Exactly one of `user`, `group` and `link`. `until` ends the share; for a link, the shares that
    it makes.
    """

    user: Name | None = None
    group: Name | None = None
    link: "NewShareLink | None" = None
    until: AwareDatetime | None = None


class NewShareLink(RequestModel):
    """A link for so many users, until it expires; for `users` alone where some are named."""

    expires: AwareDatetime
    uses: Annotated[int, Field(ge=1, le=1000)] = 1
    users: Annotated[list[Name], Field(max_length=200)] = []


class SharedTask(BaseModel):
    """A task that is shared with the user: by whom, with whom, until when."""

    task: TaskView
    kind: Kind
    name: str
    until: datetime | None


class SharedTasks(BaseModel):
    """What others share with the user, newest first."""

    shared: list[SharedTask]


class VisitorsView(BaseModel):
    """Who is inside a task."""

    visitors: list[VisitorView]


class MadeShare(RootModel[ShareView | NewLinkView]):
    """A share, or a link that shares."""


class SharesHandler(HubHandler):
    """`api/v1/tasks/<id>/shares`."""

    path = "tasks/{task}/shares"
    renews_rights = True

    @operation(id="list_shares", right=SHARE_TASK, answer=SharesView)
    async def get(self, task_id: str) -> SharesView:
        """With whom a task is shared, its links, and who is inside."""
        task = self.task
        sharing = self.services.sharing
        sharing.permission.check_end(self.principal, task)
        shares = await sharing.shares(task)
        rows = sharing.records.of_task(task)
        may_share = sharing.permission.may_share(self.principal, task)
        return SharesView(
            shares=[view_share(share, rows.get((share.kind, share.name))) for share in shares],
            links=[view_link(link) for link in sharing.records.links(task)],
            visitors=await self._visitors(task),
            groups=await sharing.groups_for(self.principal) if may_share else [],
            may_share=may_share,
            apart=is_http(task),
        )

    async def _visitors(self, task: Task) -> list[VisitorView] | None:
        try:
            return await self.services.sharing.guests.visitors(task)
        except EdgeUnavailable:
            return None

    @operation(
        id="share_task",
        right=SHARE_TASK,
        answer=MadeShare,
        status=201,
        refuses=(409,),
    )
    async def post(self, task_id: str, body: NewShare) -> MadeShare:
        """Share a task with a user or a group, or make a link that does.

        The link's address is in this answer alone.
        """
        task, services = self.task, self.services
        sharing = services.sharing
        sharing.permission.check_share(self.principal, task)
        if sum(target is not None for target in (body.user, body.group, body.link)) != 1:
            raise InvalidOptions("Name a user, a group or a link: one of them.")
        _check_time(body.until)
        if body.link is not None:
            return MadeShare(self._add_link(task, body.link, body.until))
        if body.user is not None:
            await sharing.share_with_user(task, body.user, self.principal.name, body.until)
            return MadeShare(self._shared_with(task, "user", body.user, body.until))
        group = str(body.group)
        await sharing.share_with_group(task, group, self.principal, body.until)
        return MadeShare(self._shared_with(task, "group", group, body.until))

    @operation(id="end_shares", right=SHARE_TASK)
    async def delete(self, task_id: str) -> None:
        """End all shares and links of a task, and cut off who is inside."""
        task = self.task
        self.services.sharing.permission.check_end(self.principal, task)
        await self.services.sharing.end_all(task)
        self.audit(AuditEvent.SHARE_END, user=task.user, task=task.id, detail={"kind": "all"})

    def _shared_with(self, task: Task, kind: Kind, name: str, until: datetime | None) -> ShareView:
        detail = {"kind": kind, "name": name, "until": until and until.isoformat()}
        self.audit(AuditEvent.SHARE_CREATE, user=task.user, task=task.id, detail=detail)
        share = HubShare(kind, name, task.user, task.server_name, frozenset())
        row = self.services.sharing.records.find(task, kind, name)
        return view_share(share, row)

    def _add_link(self, task: Task, new_link: NewShareLink, until: datetime | None) -> NewLinkView:
        _check_time(new_link.expires)
        records = self.services.sharing.records
        new = NewLink(new_link.expires, new_link.uses, set(new_link.users), until)
        link, code = records.add_link(task, new, self.principal.name)
        detail = {"kind": "link", "name": link.id, "uses": link.uses, "users": link.users}
        self.audit(AuditEvent.SHARE_CREATE, user=task.user, task=task.id, detail=detail)
        settings = self.services.settings
        url = f"{settings.hub_origin}{settings.service_prefix}join/{code}"
        return NewLinkView(**view_link(link).model_dump(), url=url)


class ShareHandler(HubHandler):
    """`api/v1/tasks/<id>/shares/<share>`."""

    path = "tasks/{task}/shares/{share}"
    renews_rights = True

    @operation(id="end_share", right=SHARE_TASK)
    async def delete(self, task_id: str, id_: str) -> None:
        """End a share, and cut off whom it let in; or a link, which lets nobody in any more."""
        task = self.task
        self.services.sharing.permission.check_end(self.principal, task)
        ended = await self.services.sharing.end(task, id_)
        detail = (
            {"kind": "link", "name": ended.id}
            if isinstance(ended, ShareLink)
            else {"kind": ended.kind, "name": ended.name}
        )
        self.audit(AuditEvent.SHARE_END, user=task.user, task=task.id, detail=detail)


class VisitorsHandler(HubHandler):
    """`api/v1/tasks/<id>/visitors`."""

    path = "tasks/{task}/visitors"
    # A page asks again and again.
    routine = True

    @operation(id="list_visitors", right=SHARE_TASK, answer=VisitorsView)
    async def get(self, task_id: str) -> VisitorsView:
        """Who has used a task within the last minute; for those alone who may end shares."""
        task = self.task
        self.services.sharing.permission.check_end(self.principal, task)
        return VisitorsView(visitors=await self.services.sharing.guests.visitors(task))


class SharedHandler(TaskAccess):
    """`api/v1/shared`: what others share with the user."""

    path = "shared"
    renews_rights = True

    @operation(id="list_shared_tasks", right=LOGGED_IN, answer=SharedTasks)
    async def get(self) -> SharedTasks:
        """Tasks that others share with the user, and until when, newest first."""
        services, principal = self.services, self.principal
        if not services.sharing.permission.enabled:
            raise NotAllowed("Sharing is switched off here.")
        by_server = await services.sharing.shared_with(principal.name)
        tasks = [
            task
            for task in services.tasks.of_owners(set(), by_server.keys())
            if principal.sees(task.user, task.server_name)
        ]
        rows = services.sharing.records.of_tasks([task.id for task in tasks])
        shared = []
        for task in tasks:
            share = by_server[task.user, task.server_name][0]
            row = rows.get((task.id, share.kind, share.name))
            until = row.until if row else None
            view = self.task_view(task)
            shared.append(SharedTask(task=view, kind=share.kind, name=share.name, until=until))
        return SharedTasks(shared=shared)


def _check_time(time: datetime | None) -> None:
    if time is not None and not utc_now() < time <= utc_now() + LONGEST:
        raise InvalidOptions("Choose a time between now and a year from now.")
