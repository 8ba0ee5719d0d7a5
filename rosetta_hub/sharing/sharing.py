"""Sharing of tasks: with users, with groups, by links; and the end of it.

The hub's shares are the record: they decide, and what is shared by the hub's own means is one of
them. The service keeps besides what the hub does not know (see `database/models_sharing.py`).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from weakref import WeakValueDictionary

from rosetta_hub.audit.log import SERVICE, AuditEvent, AuditLog
from rosetta_hub.background import spawn
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.database.models_sharing import ShareLink, TaskShare
from rosetta_hub.errors import Conflict, NotAllowed, NotFound, UserError
from rosetta_hub.hub.client import HubClient
from rosetta_hub.hub.shares import HubShare, Kind
from rosetta_hub.sharing.guests import Guests
from rosetta_hub.sharing.link_rules import explain_refusal
from rosetta_hub.sharing.permission import SharePermission
from rosetta_hub.sharing.records import ShareRecords
from rosetta_hub.sharing.share_mails import ShareMails
from rosetta_hub.sharing.view import share_id
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tasks.principal import Principal


class Sharing:
    """Shares of tasks. Callers have checked with `permission` what they let somebody do."""

    def __init__(
        self,
        tasks: TaskManager,
        hub: HubClient,
        records: ShareRecords,
        guests: Guests,
        permission: SharePermission,
        audit: AuditLog,
        mails: ShareMails,
    ) -> None:
        self._tasks = tasks
        self._hub = hub
        self.records = records
        self.guests = guests
        self.permission = permission
        self._audit = audit
        self._mails = mails
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def shares(self, task: Task) -> list[HubShare]:
        """With whom a task is shared; users first.

        Raises:
            HubUnavailable: the hub does not answer.
        """
        shares = await self._hub.shares_of_server(task.user, task.server_name)
        self.records.keep_only(task, {(share.kind, share.name) for share in shares})
        return sorted(shares, key=lambda share: (share.kind == "group", share.name))

    async def groups_for(self, principal: Principal) -> list[str]:
        """The groups with which the principal may share: its own, for an admin all.

        Raises:
            HubUnavailable: the hub does not answer.
        """
        return await self._hub.group_names() if principal.admin else sorted(principal.groups)

    async def share_with_user(
        self, task: Task, name: str, actor: str, until: datetime | None = None
    ) -> None:
        """Let a user of the hub enter the task, until a time if one is given, and tell by mail.

        Raises:
            Conflict: it is the owner.
            NotFound: the hub has no such user.
            HubUnavailable: the hub does not answer.
        """
        if name == task.user:
            raise Conflict(f"{name} is the owner of this task: there is nothing to share.")
        if not await self._hub.has_user(name):
            raise NotFound(
                f"This hub has no user named {name!r}. Type the name as the user sees it at the top"
                " of the hub's pages; it counts whether letters are small or capital."
            )
        async with self._alone(task):
            row = _row(task, "user", name, actor, until)
            await self._grant(task, row)
            self._mails.queue(task, row)

    async def share_with_group(
        self, task: Task, name: str, principal: Principal, until: datetime | None = None
    ) -> None:
        """Let the members of a group enter the task, those who join later included.

        Raises:
            NotAllowed: the principal is neither in that group nor an admin.
            NotFound: the hub has no such group.
            HubUnavailable: the hub does not answer.
        """
        if name not in principal.groups and not principal.admin:
            raise NotAllowed("You can share with groups that you are in. This is none of them.")
        if principal.admin and name not in await self._hub.group_names():
            raise NotFound(f"This hub has no group named {name!r}.")
        async with self._alone(task):
            await self._grant(task, _row(task, "group", name, principal.name, until))

    async def _grant(self, task: Task, row: TaskShare) -> None:
        """Let the hub share. Where its answer is not known the row stays, so that the share ends.

        Raises:
            Conflict: the hub refuses, with its reason.
            HubUnavailable: the hub does not answer.
        """
        kind = _kind(row)
        before = self.records.find(task, kind, row.name)
        # First the row: nothing is shared for longer than it says.
        self.records.keep(row)
        try:
            await self._hub.grant_share(row.owner, row.server_name, kind, row.name)
        except UserError as error:
            self.records.restore(row, before)
            raise Conflict(f"The hub does not share this task: {error}") from error
        row.granted = True
        self.records.keep(row)
        self.guests.changed(task, row.kind, row.name)

    async def end(self, task: Task, id_: str) -> HubShare | ShareLink:
        """End a share or a link, by its id. Who is inside because of a share is cut off at once.

        A link that has ended lets nobody in any more; who came by it stays.

        Raises:
            NotFound: the task is not shared like that.
            HubUnavailable: the hub does not answer; the share goes on.
            EdgeUnavailable: the share has ended, but who is inside may stay for a minute.
        """
        for link in self.records.links(task):
            if link.id == id_ and self.records.end_links(task, id_):
                return link
        for share in await self.shares(task):
            if share_id(share.kind, share.name) == id_:
                await self._end(task, share.kind, share.name)
                return share
        raise NotFound("This task is not shared like that any more.")

    async def _end(self, task: Task, kind: Kind, name: str) -> None:
        async with self._alone(task):
            if kind == "user":
                # Who came by a link still has it.
                self.records.refuse(task, name)
            await self._revoke(task, kind, name)

    async def _revoke(self, task: Task, kind: Kind, name: str) -> None:
        await self._hub.revoke_share(task.user, task.server_name, kind, name)
        await self.guests.cut(task, kind, name)
        if (row := self.records.find(task, kind, name)) is not None:
            self.records.delete(row)

    async def end_all(self, task: Task) -> None:
        """End all shares and links of a task, and the hub's own codes for it.

        Raises:
            HubUnavailable: the hub does not answer; the links have ended.
            EdgeUnavailable: as `end`.
        """
        async with self._alone(task):
            self.records.end_links(task)
            await self._hub.revoke_all_shares(task.user, task.server_name)
            await self.guests.cut(task)
            for row in self.records.of_task(task).values():
                self.records.delete(row)

    def find_link(self, code: str) -> tuple[ShareLink, Task]:
        """The link of a code and its task.

        Raises:
            NotFound: there is none.
        """
        link = self.records.find_link(code) if self.permission.enabled else None
        if link is None:
            raise NotFound(
                "This link leads nowhere. It may have been copied in part, or its task has been"
                " deleted. Ask for a new one."
            )
        return link, self._tasks.find(link.task_id)

    async def accept(self, code: str, user: str) -> tuple[Task, ShareLink]:
        """Share the task of a link with a user; who has it already uses up nothing.

        Raises:
            NotFound: there is no such link.
            Conflict: it lets nobody in any more, or not now.
            NotAllowed: it is for others.
            HubUnavailable: the hub does not answer; who tries again uses it once only.
        """
        _, task = self.find_link(code)
        async with self._alone(task):
            # What the user had to wait for may have ended it.
            link, task = self.find_link(code)
            if not await self._hub.has_share(task.user, task.server_name, user):
                if (refusal := self.explain_refusal(link, task, user)) is not None:
                    raise refusal
                await self._use(link, task, user)
        return task, link

    def explain_refusal(self, link: ShareLink, task: Task, user: str) -> UserError | None:
        """Why a user can't come by a link; None where that works."""
        return explain_refusal(link, task, user, self._has_use(link, task, user))

    def _has_use(self, link: ShareLink, task: Task, user: str) -> bool:
        """Whether the user has taken a use of the link, and it is not known what the hub did."""
        row = self.records.find(task, "user", user)
        return row is not None and row.link_id == link.id and not row.granted

    async def _use(self, link: ShareLink, task: Task, user: str) -> None:
        if not self._has_use(link, task, user) and not self.records.take_use(link):
            raise Conflict("This link has been used as often as it may. Ask for a new one.")
        row = _row(task, "user", user, link.created_by, link.until)
        row.link_id = link.id
        try:
            await self._grant(task, row)
        except UserError:
            self.records.give_back(link)
            raise

    async def shared_with(self, user: str) -> dict[tuple[str, str], list[HubShare]]:
        """What is shared with a user, directly and through groups, by owner and server.

        Raises:
            HubUnavailable: the hub does not answer.
        """
        by_server: dict[tuple[str, str], list[HubShare]] = {}
        for share in await self._hub.shares_with_user(user):
            if share.owner != user:
                by_server.setdefault((share.owner, share.server_name), []).append(share)
        return by_server

    def task_deleted(self, task: Task) -> None:
        """End what is shared of a task that is being deleted.

        The hub removes named servers with their shares, but never the default server.
        """
        if not task.server_name and self.permission.enabled:
            spawn(self.end_all(task), f"end the shares of {task.id}")

    def delete_user(self, user: str) -> None:
        """Forget everything about a user; the shares themselves end with the hub's user."""
        self.records.delete_user(user)

    async def step(self) -> None:
        """End what is due, and what has outlived its task.

        Raises:
            HubUnavailable, EdgeUnavailable: see `end`; the next round tries again.
        """
        for row in self.records.due():
            await self._end_due(row)
        for row in self.records.orphans():
            if not self.records.has_newer(row):
                await self._hub.revoke_share(row.owner, row.server_name, _kind(row), row.name)
            self.records.delete(row)
        self.records.tidy()

    async def _end_due(self, row: TaskShare) -> None:
        try:
            task = self._tasks.find(str(row.task_id))
        except NotFound:
            return
        async with self._alone(task):
            present = self.records.find(task, _kind(row), row.name)
            if present is None or present.until is None or present.until > utc_now():
                # It was prolonged meanwhile.
                return
            await self._revoke(task, _kind(row), row.name)
        detail = {"kind": row.kind, "name": row.name, "why": "until"}
        self._audit.record(
            AuditEvent.SHARE_END, SERVICE, user=task.user, task=task.id, detail=detail
        )

    @asynccontextmanager
    async def _alone(self, task: Task) -> AsyncIterator[None]:
        """One change of a task's shares at a time: none begins before another has been ended."""
        lock = self._locks.setdefault(task.id, asyncio.Lock())
        async with lock:
            yield


def _row(task: Task, kind: Kind, name: str, created_by: str, until: datetime | None) -> TaskShare:
    return TaskShare(
        task_id=task.id,
        kind=kind,
        name=name,
        owner=task.user,
        server_name=task.server_name,
        until=until,
        created=utc_now(),
        created_by=created_by,
        granted=False,
    )


def _kind(row: TaskShare) -> Kind:
    return "group" if row.kind == "group" else "user"
