"""The operations of the API as methods that are awaited.

Made by client/generate.py of the description of the API: do not edit.
"""

from typing import Optional, TypeVar

from rosetta_client.calls import Call, new_key, path
from rosetta_client.models import (
    AccountState,
    AccountsView,
    AddressCode,
    AdminAnnouncement,
    AdminAnnouncementList,
    AdminTaskPage,
    AnnouncementList,
    AnnouncementText,
    AuditPage,
    Block,
    BlockState,
    ComputingList,
    DateChoices,
    Deletion,
    Drain,
    DrainState,
    FavouriteView,
    GroupList,
    IdentityList,
    IdentityView,
    ImportedKey,
    InventoryView,
    LifetimeView,
    LoginBegun,
    LoginList,
    LoginProof,
    LoginResult,
    LoginView,
    MadeInvitation,
    MadeShare,
    MadeToken,
    MailChoice,
    MailedTo,
    MailView,
    MoreTime,
    NewInvitation,
    NewLogin,
    NewPassword,
    NewShare,
    NewTask,
    NewToken,
    NumbersView,
    OverseenPage,
    OwnPasswordView,
    PasswordView,
    RemoteUser,
    ServiceView,
    SessionList,
    SessionsEnd,
    SharedTasks,
    SharesView,
    StartAgain,
    StoppedTasks,
    Stops,
    StopTime,
    SystemView,
    TaskPage,
    TaskView,
    TokenList,
    TokenView,
    UpdateList,
    UsageView,
    UserPage,
    UserStateView,
    UserView,
    VisitorsView,
)

T = TypeVar("T")


class AsyncOperations:
    """A method for each operation; `call` sends them."""

    async def call(self, call: Call[T]) -> T:
        """Send a call."""
        raise NotImplementedError

    async def get_service(self) -> ServiceView:
        """Version and features of the service."""
        return await self.call(Call("GET", "", ServiceView, repeatable=True))

    async def get_user(self) -> UserView:
        """The user of the token, and what the token may do."""
        return await self.call(Call("GET", "user", UserView, repeatable=True))

    async def get_openapi(self) -> str:
        """This description (OpenAPI 3.1)."""
        return await self.call(Call("GET", "openapi.json", str, repeatable=True))

    async def begin_login(self, body: NewLogin) -> LoginBegun:
        """Begin a login whose code the user types in at the page `login`."""
        return await self.call(Call("POST", "client-logins", LoginBegun, body=body))

    async def finish_login(self, body: LoginProof) -> LoginResult:
        """Get the token, once the user has agreed."""
        return await self.call(Call("POST", "client-logins/token", LoginResult, body=body))

    async def get_own_token(self) -> TokenView:
        """The token of this request: what it may do, and until when."""
        return await self.call(Call("GET", "token", TokenView, repeatable=True))

    async def delete_own_token(self) -> None:
        """Delete the token of this request, as a program does that logs out."""
        await self.call(Call("DELETE", "token", None))

    async def list_tasks(
        self,
        *,
        limit: Optional[int] = None,
        after: Optional[str] = None,
        state: Optional[list[str]] = None,
        software: Optional[str] = None,
        computing: Optional[str] = None,
        user: Optional[str] = None,
        name: Optional[str] = None,
    ) -> TaskPage:
        """The caller's tasks, and those shared with the caller, newest first."""
        return await self.call(
            Call(
                "GET",
                "tasks",
                TaskPage,
                query={
                    "limit": limit,
                    "after": after,
                    "state": state,
                    "software": software,
                    "computing": computing,
                    "user": user,
                    "name": name,
                },
                repeatable=True,
            )
        )

    async def start_task(self, body: NewTask) -> TaskView:
        """Start a task."""
        return await self.call(
            Call(
                "POST",
                "tasks",
                TaskView,
                body=body,
                headers={"Idempotency-Key": new_key()},
                repeatable=True,
            )
        )

    async def get_task(self, task: str) -> TaskView:
        """A task."""
        return await self.call(
            Call("GET", path("tasks/{task}", task=task), TaskView, repeatable=True)
        )

    async def delete_task(self, task: str) -> None:
        """Stop a task if it runs, and forget it, log included."""
        await self.call(Call("DELETE", path("tasks/{task}", task=task), None))

    async def stop_task(self, task: str) -> TaskView:
        """Stop a task in whatever state it is; a queued one is cancelled."""
        return await self.call(Call("POST", path("tasks/{task}/stop", task=task), TaskView))

    async def start_task_again(self, task: str, body: StartAgain) -> TaskView:
        """Start a task again with the options it had: a new attempt."""
        return await self.call(
            Call(
                "POST",
                path("tasks/{task}/start", task=task),
                TaskView,
                body=body,
                headers={"Idempotency-Key": new_key()},
                repeatable=True,
            )
        )

    async def get_task_log(self, task: str, *, attempt: Optional[int] = None) -> str:
        """The output of a task, the last attempt by default."""
        return await self.call(
            Call(
                "GET",
                path("tasks/{task}/log", task=task),
                str,
                query={"attempt": attempt},
                repeatable=True,
            )
        )

    async def get_task_password(self, task: str) -> PasswordView:
        """User and one-time password of an interface that protects itself."""
        return await self.call(
            Call("GET", path("tasks/{task}/password", task=task), PasswordView, repeatable=True)
        )

    async def get_task_usage(self, task: str) -> UsageView:
        """What a task uses over time: CPUs, memory and GPUs, beside what was asked for."""
        return await self.call(
            Call("GET", path("tasks/{task}/usage", task=task), UsageView, repeatable=True)
        )

    async def stop_tasks_of_user(self, user: str) -> TaskPage:
        """Stop all tasks of a user; the answer has those that were active."""
        return await self.call(Call("POST", path("users/{user}/stop", user=user), TaskPage))

    async def get_lifetime(self, task: str) -> LifetimeView:
        """When a task ends by itself, and why."""
        return await self.call(
            Call("GET", path("tasks/{task}/lifetime", task=task), LifetimeView, repeatable=True)
        )

    async def set_stop_time(self, task: str, body: StopTime) -> LifetimeView:
        """Choose when a task is stopped."""
        return await self.call(
            Call("PUT", path("tasks/{task}/lifetime", task=task), LifetimeView, body=body)
        )

    async def keep_task(self, task: str) -> LifetimeView:
        """Put off the planned end of a task."""
        return await self.call(Call("POST", path("tasks/{task}/keep", task=task), LifetimeView))

    async def extend_task(self, task: str, body: MoreTime) -> TaskView:
        """Give the running job of a task more time, where its scheduler lets its owner have it."""
        return await self.call(
            Call("POST", path("tasks/{task}/time", task=task), TaskView, body=body)
        )

    async def list_shares(self, task: str) -> SharesView:
        """With whom a task is shared, its links, and who is inside."""
        return await self.call(
            Call("GET", path("tasks/{task}/shares", task=task), SharesView, repeatable=True)
        )

    async def share_task(self, task: str, body: NewShare) -> MadeShare:
        """Share a task with a user or a group, or make a link that does."""
        return await self.call(
            Call("POST", path("tasks/{task}/shares", task=task), MadeShare, body=body)
        )

    async def end_shares(self, task: str) -> None:
        """End all shares and links of a task, and cut off who is inside."""
        await self.call(Call("DELETE", path("tasks/{task}/shares", task=task), None))

    async def end_share(self, task: str, share: str) -> None:
        """End a share, and cut off whom it let in; or a link, which lets nobody in any more."""
        await self.call(
            Call("DELETE", path("tasks/{task}/shares/{share}", task=task, share=share), None)
        )

    async def list_visitors(self, task: str) -> VisitorsView:
        """Who has used a task within the last minute; for those alone who may end shares."""
        return await self.call(
            Call("GET", path("tasks/{task}/visitors", task=task), VisitorsView, repeatable=True)
        )

    async def list_shared_tasks(self) -> SharedTasks:
        """Tasks that others share with the caller, and until when, newest first."""
        return await self.call(Call("GET", "shared", SharedTasks, repeatable=True))

    async def list_computing(self) -> ComputingList:
        """The computing resources that the caller may use."""
        return await self.call(Call("GET", "computing", ComputingList, repeatable=True))

    async def get_inventory(self, computing: str) -> InventoryView:
        """Partitions, limits and accounts of a cluster, as the caller's own account sees them."""
        return await self.call(
            Call(
                "GET",
                path("computing/{computing}/inventory", computing=computing),
                InventoryView,
                repeatable=True,
            )
        )

    async def mark_favourite(self, card: str) -> FavouriteView:
        """Mark software as a favourite of the caller."""
        return await self.call(
            Call("PUT", path("software/{card}/favourite", card=card), FavouriteView)
        )

    async def unmark_favourite(self, card: str) -> FavouriteView:
        """Take the mark of a favourite away."""
        return await self.call(
            Call("DELETE", path("software/{card}/favourite", card=card), FavouriteView)
        )

    async def find_updates(self, card: str) -> UpdateList:
        """Look up whether the tags of software lead to other images than before."""
        return await self.call(
            Call("GET", path("software/{card}/updates", card=card), UpdateList, repeatable=True)
        )

    async def list_announcements(self) -> AnnouncementList:
        """What is announced now."""
        return await self.call(Call("GET", "announcements", AnnouncementList, repeatable=True))

    async def list_all_announcements(self) -> AdminAnnouncementList:
        """All announcements, also those of later and of before."""
        return await self.call(
            Call("GET", "admin/announcements", AdminAnnouncementList, repeatable=True)
        )

    async def add_announcement(self, body: AnnouncementText) -> AdminAnnouncement:
        """Announce something."""
        return await self.call(Call("POST", "admin/announcements", AdminAnnouncement, body=body))

    async def change_announcement(
        self, announcement: str, body: AnnouncementText
    ) -> AdminAnnouncement:
        """Replace an announcement."""
        return await self.call(
            Call(
                "PUT",
                path("admin/announcements/{announcement}", announcement=announcement),
                AdminAnnouncement,
                body=body,
            )
        )

    async def delete_announcement(self, announcement: str) -> None:
        """Show an announcement no more."""
        await self.call(
            Call(
                "DELETE",
                path("admin/announcements/{announcement}", announcement=announcement),
                None,
            )
        )

    async def list_all_tasks(
        self,
        *,
        limit: Optional[int] = None,
        after: Optional[str] = None,
        user: Optional[str] = None,
        state: Optional[str] = None,
        computing: Optional[str] = None,
        software: Optional[str] = None,
        since: Optional[str] = None,
        until: Optional[str] = None,
        sort: Optional[str] = None,
    ) -> AdminTaskPage:
        """Everybody's tasks."""
        return await self.call(
            Call(
                "GET",
                "admin/tasks",
                AdminTaskPage,
                query={
                    "limit": limit,
                    "after": after,
                    "user": user,
                    "state": state,
                    "computing": computing,
                    "software": software,
                    "since": since,
                    "until": until,
                    "sort": sort,
                },
                repeatable=True,
            )
        )

    async def stop_tasks(self, body: Stops) -> StoppedTasks:
        """Stop tasks of anybody; the answer names those that were active."""
        return await self.call(Call("POST", "admin/tasks/stop", StoppedTasks, body=body))

    async def get_numbers(self, *, days: Optional[int] = None) -> NumbersView:
        """Starts, failures and the most that ran at a time, by day (UTC) and resource."""
        return await self.call(
            Call("GET", "admin/numbers", NumbersView, query={"days": days}, repeatable=True)
        )

    async def get_system(self) -> SystemView:
        """How each computing resource and each part of the service does."""
        return await self.call(Call("GET", "admin/computing", SystemView, repeatable=True))

    async def drain_computing(self, computing: str, body: Drain) -> DrainState:
        """Let no more tasks start on a resource, and tell users why; those that run go on."""
        return await self.call(
            Call(
                "PUT",
                path("admin/computing/{computing}/drain", computing=computing),
                DrainState,
                body=body,
            )
        )

    async def resume_computing(self, computing: str) -> DrainState:
        """Let tasks start on a resource again."""
        return await self.call(
            Call(
                "DELETE", path("admin/computing/{computing}/drain", computing=computing), DrainState
            )
        )

    async def list_users(
        self,
        *,
        limit: Optional[int] = None,
        after: Optional[str] = None,
        user: Optional[str] = None,
    ) -> UserPage:
        """Users with tasks, those with the most active ones first."""
        return await self.call(
            Call(
                "GET",
                "admin/users",
                UserPage,
                query={"limit": limit, "after": after, "user": user},
                repeatable=True,
            )
        )

    async def end_sessions_of_user(self, user: str, body: SessionsEnd) -> None:
        """End all logins of a user, at the hub and in tasks."""
        await self.call(
            Call("POST", path("admin/users/{user}/sessions/end", user=user), None, body=body)
        )

    async def list_audit_records(
        self,
        *,
        limit: Optional[int] = None,
        after: Optional[str] = None,
        event: Optional[str] = None,
        actor: Optional[str] = None,
        user: Optional[str] = None,
        task: Optional[str] = None,
        since: Optional[str] = None,
        until: Optional[str] = None,
    ) -> AuditPage:
        """Records of the audit log, newest first."""
        return await self.call(
            Call(
                "GET",
                "admin/audit",
                AuditPage,
                query={
                    "limit": limit,
                    "after": after,
                    "event": event,
                    "actor": actor,
                    "user": user,
                    "task": task,
                    "since": since,
                    "until": until,
                },
                repeatable=True,
            )
        )

    async def list_user_software(
        self,
        *,
        limit: Optional[int] = None,
        after: Optional[str] = None,
        owner: Optional[str] = None,
    ) -> OverseenPage:
        """Versions that users have added, what was changed last first."""
        return await self.call(
            Call(
                "GET",
                "admin/software",
                OverseenPage,
                query={"limit": limit, "after": after, "owner": owner},
                repeatable=True,
            )
        )

    async def delete_user_software(self, version: str) -> None:
        """Delete a version that users have added; tasks that run go on."""
        await self.call(Call("DELETE", path("admin/software/{version}", version=version), None))

    async def block_software(self, version: str, body: Block) -> BlockState:
        """Let a version be started no more; its owner sees the reason."""
        return await self.call(
            Call(
                "PUT",
                path("admin/software/{version}/block", version=version),
                BlockState,
                body=body,
            )
        )

    async def unblock_software(self, version: str) -> BlockState:
        """Let a version be started again."""
        return await self.call(
            Call("DELETE", path("admin/software/{version}/block", version=version), BlockState)
        )

    async def list_accounts(self) -> AccountsView:
        """Who waits for an account, open invitations, and blocked users."""
        return await self.call(Call("GET", "admin/accounts", AccountsView, repeatable=True))

    async def approve_account(self, account: str) -> None:
        """Approve an account that somebody waits for."""
        await self.call(
            Call("POST", path("admin/accounts/sign-ups/{account}", account=account), None)
        )

    async def refuse_account(self, account: str) -> None:
        """Refuse an account that somebody waits for."""
        await self.call(
            Call("DELETE", path("admin/accounts/sign-ups/{account}", account=account), None)
        )

    async def make_invitation(self, body: NewInvitation) -> MadeInvitation:
        """Make an invitation; its link is in this answer alone."""
        return await self.call(
            Call(
                "POST",
                "admin/accounts/invitations",
                MadeInvitation,
                body=body,
                headers={"Idempotency-Key": new_key()},
                repeatable=True,
            )
        )

    async def withdraw_invitation(self, invitation: str) -> None:
        """Withdraw an invitation."""
        await self.call(
            Call(
                "DELETE",
                path("admin/accounts/invitations/{invitation}", invitation=invitation),
                None,
            )
        )

    async def set_user_state(self, user: str, body: AccountState) -> UserStateView:
        """Block a user, which ends all sessions and tokens, or let the user in again."""
        return await self.call(
            Call("PUT", path("admin/accounts/users/{user}", user=user), UserStateView, body=body)
        )

    async def list_identities(self) -> IdentityList:
        """The caller's accounts and keys on computing resources."""
        return await self.call(Call("GET", "account/identities", IdentityList, repeatable=True))

    async def set_remote_user(self, computing: str, body: RemoteUser) -> IdentityView:
        """Set the caller's account on a resource; the first time a key pair is made."""
        return await self.call(
            Call(
                "PUT",
                path("account/identities/{computing}", computing=computing),
                IdentityView,
                body=body,
            )
        )

    async def delete_key(self, computing: str) -> IdentityView:
        """Delete the caller's key pair, once no task needs it any more."""
        return await self.call(
            Call(
                "DELETE", path("account/identities/{computing}", computing=computing), IdentityView
            )
        )

    async def test_key(self, computing: str) -> IdentityView:
        """Log in at a resource with the caller's key."""
        return await self.call(
            Call(
                "POST",
                path("account/identities/{computing}/test", computing=computing),
                IdentityView,
            )
        )

    async def renew_key(self, computing: str) -> IdentityView:
        """Make a new key pair; the old one is forgotten."""
        return await self.call(
            Call(
                "POST",
                path("account/identities/{computing}/renew", computing=computing),
                IdentityView,
            )
        )

    async def import_key(self, computing: str, body: ImportedKey) -> IdentityView:
        """Use a key pair of the caller's own in the place of the present one."""
        return await self.call(
            Call(
                "PUT",
                path("account/identities/{computing}/key", computing=computing),
                IdentityView,
                body=body,
            )
        )

    async def export_data(self) -> str:
        """Everything that is stored about the caller, as a file without secrets."""
        return await self.call(Call("GET", "account/data", str, repeatable=True))

    async def delete_data(self, body: Deletion) -> None:
        """Delete what is stored about the caller, with all tasks."""
        await self.call(Call("POST", "account/data/delete", None, body=body))

    async def get_mail(self) -> MailView:
        """Which mails the caller gets, and where."""
        return await self.call(Call("GET", "account/mail", MailView, repeatable=True))

    async def set_mail(self, body: MailChoice) -> MailView:
        """Choose which mails are sent, and where."""
        return await self.call(Call("PUT", "account/mail", MailView, body=body))

    async def confirm_address(self, body: AddressCode) -> MailView:
        """Use the address to which a code was sent."""
        return await self.call(Call("POST", "account/mail/confirm", MailView, body=body))

    async def get_dates(self) -> DateChoices:
        """Time zone and language in which the caller sees dates."""
        return await self.call(Call("GET", "account/dates", DateChoices, repeatable=True))

    async def set_dates(self, body: DateChoices) -> DateChoices:
        """Set time zone and language of dates."""
        return await self.call(Call("PUT", "account/dates", DateChoices, body=body))

    async def list_groups(self) -> GroupList:
        """The caller's groups, and what is limited to each."""
        return await self.call(Call("GET", "account/groups", GroupList, repeatable=True))

    async def list_tokens(self) -> TokenList:
        """The caller's API tokens."""
        return await self.call(Call("GET", "account/tokens", TokenList, repeatable=True))

    async def make_token(self, body: NewToken) -> MadeToken:
        """Make a token, which is shown this once."""
        return await self.call(Call("POST", "account/tokens", MadeToken, body=body))

    async def delete_token(self, token: str) -> None:
        """Delete a token; whatever uses it is refused from now on."""
        await self.call(Call("DELETE", path("account/tokens/{token}", token=token), None))

    async def list_sessions(self) -> SessionList:
        """Where the caller is logged in."""
        return await self.call(Call("GET", "account/sessions", SessionList, repeatable=True))

    async def end_sessions(self, *, api_tokens: Optional[bool] = None) -> None:
        """End all logins of the caller, the one that asks included."""
        await self.call(Call("DELETE", "account/sessions", None, query={"api_tokens": api_tokens}))

    async def get_password(self) -> OwnPasswordView:
        """Whether the caller has a password, and since when."""
        return await self.call(Call("GET", "account/password", OwnPasswordView, repeatable=True))

    async def request_password(self) -> MailedTo:
        """Mail a link that sets the caller's first password."""
        return await self.call(Call("POST", "account/password", MailedTo))

    async def change_password(self, body: NewPassword) -> None:
        """Change the caller's password; all sessions end, this one included."""
        await self.call(Call("PUT", "account/password", None, body=body))

    async def list_logins(self) -> LoginList:
        """The caller's logins, those that were removed, and merged users."""
        return await self.call(Call("GET", "account/logins", LoginList, repeatable=True))

    async def restore_login(self, login: str) -> LoginView:
        """Put a removed login in force again."""
        return await self.call(Call("POST", path("account/logins/{login}", login=login), LoginView))

    async def remove_login(self, login: str) -> None:
        """Remove a login; whoever is logged in by it is logged out within the refresh time."""
        await self.call(Call("DELETE", path("account/logins/{login}", login=login), None))

    async def separate_user(self, user: str) -> None:
        """Separate a user who was merged, whose logins lead to the user from now on."""
        await self.call(Call("DELETE", path("account/merged/{user}", user=user), None))
