"""The operations of the API as methods that are awaited.

Made by client/generate.py of the description of the API: do not edit.
"""

from __future__ import annotations

from typing import Any, TypeVar

from rosetta_client import models
from rosetta_client.calls import Call, entity_tag, new_key, path

T = TypeVar("T")


class AsyncOperations:
    """A method for each operation; `call` sends them."""

    async def call(self, call: Call[T]) -> T:
        """Send a call."""
        raise NotImplementedError

    async def get_service(self) -> models.ServiceView:
        """Version and features of the service."""
        return await self.call(Call("GET", "", models.ServiceView, repeatable=True))

    async def get_user(self) -> models.UserView:
        """The user of the token, and what the token may do."""
        return await self.call(Call("GET", "user", models.UserView, repeatable=True))

    async def get_openapi(self) -> Any:
        """This description (OpenAPI 3.1)."""
        return await self.call(Call("GET", "openapi.json", Any, repeatable=True))

    async def begin_login(self, body: models.NewLogin) -> models.LoginBegun:
        """Begin a login whose code the user types in at the page `login`."""
        return await self.call(Call("POST", "client-logins", models.LoginBegun, body=body))

    async def finish_login(self, body: models.LoginProof) -> models.LoginResult:
        """Get the token, once the user has agreed."""
        return await self.call(Call("POST", "client-logins/token", models.LoginResult, body=body))

    async def get_own_token(self) -> models.TokenView:
        """The token of this request: what it may do, and until when."""
        return await self.call(Call("GET", "token", models.TokenView, repeatable=True))

    async def delete_own_token(self) -> None:
        """Delete the token of this request, as a program does that logs out."""
        await self.call(Call("DELETE", "token", None))

    async def list_tasks(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        state: list[str] | None = None,
        software: str | None = None,
        computing: str | None = None,
        user: str | None = None,
        name: str | None = None,
    ) -> models.TaskPage:
        """The user's tasks, and those shared with the user, newest first."""
        return await self.call(
            Call(
                "GET",
                "tasks",
                models.TaskPage,
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

    async def start_task(self, body: models.NewTask) -> models.TaskView:
        """Start a task."""
        return await self.call(
            Call(
                "POST",
                "tasks",
                models.TaskView,
                body=body,
                headers={"Idempotency-Key": new_key()},
                repeatable=True,
            )
        )

    async def get_task(self, task: str) -> models.TaskView:
        """A task."""
        return await self.call(
            Call("GET", path("tasks/{task}", task=task), models.TaskView, repeatable=True)
        )

    async def delete_task(self, task: str) -> None:
        """Stop a task if it runs, and forget it, log included."""
        await self.call(Call("DELETE", path("tasks/{task}", task=task), None))

    async def stop_task(self, task: str) -> models.TaskView:
        """Stop a task in whatever state it is; a queued one is cancelled."""
        return await self.call(Call("POST", path("tasks/{task}/stop", task=task), models.TaskView))

    async def start_task_again(self, task: str, body: models.StartAgain) -> models.TaskView:
        """Start a task again with the options it had: a new attempt."""
        return await self.call(
            Call(
                "POST",
                path("tasks/{task}/start", task=task),
                models.TaskView,
                body=body,
                headers={"Idempotency-Key": new_key()},
                repeatable=True,
            )
        )

    async def get_task_log(self, task: str, *, attempt: int | None = None) -> str:
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

    async def get_task_password(self, task: str) -> models.PasswordView:
        """User and one-time password of an interface that protects itself."""
        return await self.call(
            Call(
                "GET",
                path("tasks/{task}/password", task=task),
                models.PasswordView,
                repeatable=True,
            )
        )

    async def get_task_usage(self, task: str) -> models.UsageView:
        """What a task uses over time: CPUs, memory and GPUs, beside what was asked for."""
        return await self.call(
            Call("GET", path("tasks/{task}/usage", task=task), models.UsageView, repeatable=True)
        )

    async def stop_tasks_of_user(self, user: str) -> models.TaskPage:
        """Stop all tasks of a user; the answer has those that were active."""
        return await self.call(Call("POST", path("users/{user}/stop", user=user), models.TaskPage))

    async def get_lifetime(self, task: str) -> models.LifetimeView:
        """When a task ends by itself, and why."""
        return await self.call(
            Call(
                "GET",
                path("tasks/{task}/lifetime", task=task),
                models.LifetimeView,
                repeatable=True,
            )
        )

    async def set_stop_time(self, task: str, body: models.StopTime) -> models.LifetimeView:
        """Choose when a task is stopped."""
        return await self.call(
            Call("PUT", path("tasks/{task}/lifetime", task=task), models.LifetimeView, body=body)
        )

    async def keep_task(self, task: str) -> models.LifetimeView:
        """Put off the planned end of a task."""
        return await self.call(
            Call("POST", path("tasks/{task}/keep", task=task), models.LifetimeView)
        )

    async def extend_task(self, task: str, body: models.MoreTime) -> models.TaskView:
        """Give the running job of a task more time, where its scheduler lets its owner have it."""
        return await self.call(
            Call("POST", path("tasks/{task}/time", task=task), models.TaskView, body=body)
        )

    async def list_shares(self, task: str) -> models.SharesView:
        """With whom a task is shared, its links, and who is inside."""
        return await self.call(
            Call("GET", path("tasks/{task}/shares", task=task), models.SharesView, repeatable=True)
        )

    async def share_task(self, task: str, body: models.NewShare) -> models.MadeShare:
        """Share a task with a user or a group, or make a link that does."""
        return await self.call(
            Call("POST", path("tasks/{task}/shares", task=task), models.MadeShare, body=body)
        )

    async def end_shares(self, task: str) -> None:
        """End all shares and links of a task, and cut off who is inside."""
        await self.call(Call("DELETE", path("tasks/{task}/shares", task=task), None))

    async def end_share(self, task: str, share: str) -> None:
        """End a share, and cut off whom it let in; or a link, which lets nobody in any more."""
        await self.call(
            Call("DELETE", path("tasks/{task}/shares/{share}", task=task, share=share), None)
        )

    async def list_visitors(self, task: str) -> models.VisitorsView:
        """Who has used a task within the last minute; for those alone who may end shares."""
        return await self.call(
            Call(
                "GET",
                path("tasks/{task}/visitors", task=task),
                models.VisitorsView,
                repeatable=True,
            )
        )

    async def list_shared_tasks(self) -> models.SharedTasks:
        """Tasks that others share with the user, and until when, newest first."""
        return await self.call(Call("GET", "shared", models.SharedTasks, repeatable=True))

    async def list_computing(self) -> models.ComputingList:
        """The computing resources that the user may use."""
        return await self.call(Call("GET", "computing", models.ComputingList, repeatable=True))

    async def get_inventory(self, computing: str) -> models.InventoryView:
        """Partitions, limits and accounts of a cluster, as the user's own account sees them."""
        return await self.call(
            Call(
                "GET",
                path("computing/{computing}/inventory", computing=computing),
                models.InventoryView,
                repeatable=True,
            )
        )

    async def list_announcements(self) -> models.AnnouncementList:
        """What is announced now."""
        return await self.call(
            Call("GET", "announcements", models.AnnouncementList, repeatable=True)
        )

    async def list_all_announcements(self) -> models.AdminAnnouncementList:
        """All announcements, also those of later and of before."""
        return await self.call(
            Call("GET", "admin/announcements", models.AdminAnnouncementList, repeatable=True)
        )

    async def add_announcement(self, body: models.AnnouncementText) -> models.AdminAnnouncement:
        """Announce something."""
        return await self.call(
            Call("POST", "admin/announcements", models.AdminAnnouncement, body=body)
        )

    async def change_announcement(
        self, announcement: str, body: models.AnnouncementText, *, revision: int | str
    ) -> models.AdminAnnouncement:
        """Replace an announcement; its `version` is the entity tag."""
        return await self.call(
            Call(
                "PUT",
                path("admin/announcements/{announcement}", announcement=announcement),
                models.AdminAnnouncement,
                body=body,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    async def delete_announcement(self, announcement: str, *, revision: int | str) -> None:
        """Show an announcement no more; its `version` is the entity tag."""
        await self.call(
            Call(
                "DELETE",
                path("admin/announcements/{announcement}", announcement=announcement),
                None,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    async def list_all_tasks(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        user: str | None = None,
        state: str | None = None,
        computing: str | None = None,
        software: str | None = None,
        since: str | None = None,
        until: str | None = None,
        sort: str | None = None,
    ) -> models.AdminTaskPage:
        """Everybody's tasks."""
        return await self.call(
            Call(
                "GET",
                "admin/tasks",
                models.AdminTaskPage,
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

    async def stop_tasks(self, body: models.Stops) -> models.StoppedTasks:
        """Stop tasks of anybody; the answer names those that were active."""
        return await self.call(Call("POST", "admin/tasks/stop", models.StoppedTasks, body=body))

    async def get_numbers(self, *, days: int | None = None) -> models.NumbersView:
        """Starts, failures and the most that ran at a time, by day (UTC) and resource."""
        return await self.call(
            Call("GET", "admin/numbers", models.NumbersView, query={"days": days}, repeatable=True)
        )

    async def get_system(self) -> models.SystemView:
        """How each computing resource and each part of the service does."""
        return await self.call(Call("GET", "admin/computing", models.SystemView, repeatable=True))

    async def drain_computing(
        self, computing: str, body: models.Drain, *, revision: int | str
    ) -> models.DrainState:
        """Let no more tasks start on a resource, and tell users why; those that run go on."""
        return await self.call(
            Call(
                "PUT",
                path("admin/computing/{computing}/drain", computing=computing),
                models.DrainState,
                body=body,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    async def resume_computing(self, computing: str, *, revision: int | str) -> models.DrainState:
        """Let tasks start on a resource again."""
        return await self.call(
            Call(
                "DELETE",
                path("admin/computing/{computing}/drain", computing=computing),
                models.DrainState,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    async def list_users(
        self, *, limit: int | None = None, after: str | None = None, user: str | None = None
    ) -> models.UserPage:
        """Users with tasks, those with the most active ones first."""
        return await self.call(
            Call(
                "GET",
                "admin/users",
                models.UserPage,
                query={"limit": limit, "after": after, "user": user},
                repeatable=True,
            )
        )

    async def end_sessions_of_user(self, user: str, body: models.SessionsEnd) -> None:
        """End all logins of a user, at the hub and in tasks."""
        await self.call(
            Call("POST", path("admin/users/{user}/sessions/end", user=user), None, body=body)
        )

    async def list_audit_records(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        event: str | None = None,
        actor: str | None = None,
        user: str | None = None,
        task: str | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> models.AuditPage:
        """Records of the audit log, newest first."""
        return await self.call(
            Call(
                "GET",
                "admin/audit",
                models.AuditPage,
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
        self, *, limit: int | None = None, after: str | None = None, owner: str | None = None
    ) -> models.OverseenPage:
        """Versions that users have added, what was changed last first."""
        return await self.call(
            Call(
                "GET",
                "admin/software",
                models.OverseenPage,
                query={"limit": limit, "after": after, "owner": owner},
                repeatable=True,
            )
        )

    async def delete_user_software(self, version: str, *, revision: int | str) -> None:
        """Delete a version that users have added; tasks that run go on."""
        await self.call(
            Call(
                "DELETE",
                path("admin/software/{version}", version=version),
                None,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    async def block_software(
        self, version: str, body: models.Block, *, revision: int | str
    ) -> models.BlockState:
        """Let a version be started no more; its owner sees the reason."""
        return await self.call(
            Call(
                "PUT",
                path("admin/software/{version}/block", version=version),
                models.BlockState,
                body=body,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    async def unblock_software(self, version: str, *, revision: int | str) -> models.BlockState:
        """Let a version be started again."""
        return await self.call(
            Call(
                "DELETE",
                path("admin/software/{version}/block", version=version),
                models.BlockState,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    async def list_accounts(self) -> models.AccountsView:
        """Who waits for an account, open invitations, and blocked users."""
        return await self.call(Call("GET", "admin/accounts", models.AccountsView, repeatable=True))

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

    async def make_invitation(self, body: models.NewInvitation) -> models.MadeInvitation:
        """Make an invitation; its link is in this answer alone."""
        return await self.call(
            Call(
                "POST",
                "admin/accounts/invitations",
                models.MadeInvitation,
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

    async def set_user_state(self, user: str, body: models.AccountState) -> models.UserStateView:
        """Block a user, which ends all sessions and tokens, or let the user in again."""
        return await self.call(
            Call(
                "PUT",
                path("admin/accounts/users/{user}", user=user),
                models.UserStateView,
                body=body,
            )
        )

    async def list_identities(self) -> models.IdentityList:
        """The user's accounts and keys on computing resources."""
        return await self.call(
            Call("GET", "account/identities", models.IdentityList, repeatable=True)
        )

    async def set_remote_user(self, computing: str, body: models.RemoteUser) -> models.IdentityView:
        """Set the user's account on a resource; the first time a key pair is made."""
        return await self.call(
            Call(
                "PUT",
                path("account/identities/{computing}", computing=computing),
                models.IdentityView,
                body=body,
            )
        )

    async def delete_key(self, computing: str) -> models.IdentityView:
        """Delete the user's key pair, once no task needs it any more."""
        return await self.call(
            Call(
                "DELETE",
                path("account/identities/{computing}", computing=computing),
                models.IdentityView,
            )
        )

    async def test_key(self, computing: str) -> models.IdentityView:
        """Log in at a resource with the user's key."""
        return await self.call(
            Call(
                "POST",
                path("account/identities/{computing}/test", computing=computing),
                models.IdentityView,
            )
        )

    async def renew_key(self, computing: str) -> models.IdentityView:
        """Make a new key pair; the old one is forgotten."""
        return await self.call(
            Call(
                "POST",
                path("account/identities/{computing}/renew", computing=computing),
                models.IdentityView,
            )
        )

    async def import_key(self, computing: str, body: models.ImportedKey) -> models.IdentityView:
        """Use a key pair of the user's own in the place of the present one."""
        return await self.call(
            Call(
                "PUT",
                path("account/identities/{computing}/key", computing=computing),
                models.IdentityView,
                body=body,
            )
        )

    async def export_data(self) -> Any:
        """Everything that is stored about the user, as a file without secrets."""
        return await self.call(Call("GET", "account/data", Any, repeatable=True))

    async def delete_data(self, body: models.Deletion) -> None:
        """Delete what is stored about the user, with all tasks."""
        await self.call(Call("POST", "account/data/delete", None, body=body))

    async def get_mail(self) -> models.MailView:
        """Which mails the user gets, and where."""
        return await self.call(Call("GET", "account/mail", models.MailView, repeatable=True))

    async def set_mail(self, body: models.MailChoice, *, revision: int | str) -> models.MailView:
        """Choose which mails are sent, and where."""
        return await self.call(
            Call(
                "PUT",
                "account/mail",
                models.MailView,
                body=body,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    async def confirm_address(self, body: models.AddressCode) -> models.MailView:
        """Use the address to which a code was sent."""
        return await self.call(Call("POST", "account/mail/confirm", models.MailView, body=body))

    async def get_dates(self) -> models.DatesView:
        """Time zone and language in which the user sees dates."""
        return await self.call(Call("GET", "account/dates", models.DatesView, repeatable=True))

    async def set_dates(self, body: models.DateChoices, *, revision: int | str) -> models.DatesView:
        """Set time zone and language of dates."""
        return await self.call(
            Call(
                "PUT",
                "account/dates",
                models.DatesView,
                body=body,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    async def list_groups(self) -> models.GroupList:
        """The user's groups, and what is limited to each."""
        return await self.call(Call("GET", "account/groups", models.GroupList, repeatable=True))

    async def list_tokens(self) -> models.TokenList:
        """The user's API tokens."""
        return await self.call(Call("GET", "account/tokens", models.TokenList, repeatable=True))

    async def make_token(self, body: models.NewToken) -> models.MadeToken:
        """Make a token, which is shown this once."""
        return await self.call(Call("POST", "account/tokens", models.MadeToken, body=body))

    async def delete_token(self, token: str) -> None:
        """Delete a token; whatever uses it is refused from now on."""
        await self.call(Call("DELETE", path("account/tokens/{token}", token=token), None))

    async def list_sessions(self) -> models.SessionList:
        """Where the user is logged in."""
        return await self.call(Call("GET", "account/sessions", models.SessionList, repeatable=True))

    async def end_sessions(self, *, api_tokens: bool | None = None) -> None:
        """End all logins of the user, the one that asks included."""
        await self.call(Call("DELETE", "account/sessions", None, query={"api_tokens": api_tokens}))

    async def end_session(self, session: str) -> None:
        """End one login of the user: whatever its browser has open closes, tasks go on."""
        await self.call(Call("DELETE", path("account/sessions/{session}", session=session), None))

    async def get_password(self) -> models.OwnPasswordView:
        """Whether the user has a password, and since when."""
        return await self.call(
            Call("GET", "account/password", models.OwnPasswordView, repeatable=True)
        )

    async def request_password(self) -> models.MailedTo:
        """Mail a link that sets the user's first password."""
        return await self.call(Call("POST", "account/password", models.MailedTo))

    async def change_password(self, body: models.NewPassword) -> None:
        """Change the user's password; all sessions end, this one included."""
        await self.call(Call("PUT", "account/password", None, body=body))

    async def list_logins(self) -> models.LoginList:
        """The user's logins, those that were removed, and merged users."""
        return await self.call(Call("GET", "account/logins", models.LoginList, repeatable=True))

    async def restore_login(self, login: str) -> models.LoginView:
        """Put a removed login in force again."""
        return await self.call(
            Call("POST", path("account/logins/{login}", login=login), models.LoginView)
        )

    async def remove_login(self, login: str) -> None:
        """Remove a login; whoever is logged in by it is logged out within the refresh time."""
        await self.call(Call("DELETE", path("account/logins/{login}", login=login), None))

    async def separate_user(self, user: str) -> None:
        """Separate a user who was merged, whose logins lead to the user from now on."""
        await self.call(Call("DELETE", path("account/merged/{user}", user=user), None))

    async def list_software(self) -> models.FamilyList:
        """The catalogue: the platform's software families, the user's own, and the groups'."""
        return await self.call(Call("GET", "software", models.FamilyList, repeatable=True))

    async def add_software(self, body: models.SoftwareEntry) -> models.VersionView:
        """Add software: the keys of an entry, and the `owner` where it is a group."""
        return await self.call(Call("POST", "software", models.VersionView, body=body))

    async def get_version(self, version: str) -> models.VersionView:
        """A version of users' software; its `ETag` is the revision."""
        return await self.call(
            Call(
                "GET",
                path("software/versions/{version}", version=version),
                models.VersionView,
                repeatable=True,
            )
        )

    async def change_version(
        self, version: str, body: models.SoftwareEntry, *, revision: int | str
    ) -> models.VersionView:
        """Replace the entry of a version."""
        return await self.call(
            Call(
                "PUT",
                path("software/versions/{version}", version=version),
                models.VersionView,
                body=body,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    async def delete_version(self, version: str, *, revision: int | str) -> None:
        """Delete a version; tasks that run go on."""
        await self.call(
            Call(
                "DELETE",
                path("software/versions/{version}", version=version),
                None,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    async def duplicate_version(
        self, version: str, body: models.NewVersion
    ) -> models.WrittenVersion:
        """Copy a version to a new software family, of the user or of the `owner` in the body."""
        return await self.call(
            Call(
                "POST",
                path("software/versions/{version}/duplicate", version=version),
                models.WrittenVersion,
                body=body,
            )
        )

    async def delete_family(self, family: str) -> None:
        """Delete all versions of a software family; tasks that run go on."""
        await self.call(Call("DELETE", path("software/{family}", family=family), None))

    async def delete_logo(self, family: str) -> None:
        """Remove the logo of a software family."""
        await self.call(Call("DELETE", path("software/{family}/logo", family=family), None))

    async def duplicate_family(
        self, family: str, body: models.NewVersion, *, version: str | None = None
    ) -> models.WrittenVersion:
        """Copy a version of any software family, the platform's, too."""
        return await self.call(
            Call(
                "POST",
                path("software/{family}/duplicate", family=family),
                models.WrittenVersion,
                query={"version": version},
                body=body,
            )
        )

    async def mark_favourite(self, family: str) -> models.FavouriteView:
        """Mark software as a favourite of the user."""
        return await self.call(
            Call("PUT", path("software/{family}/favourite", family=family), models.FavouriteView)
        )

    async def unmark_favourite(self, family: str) -> models.FavouriteView:
        """Take the mark of a favourite away."""
        return await self.call(
            Call("DELETE", path("software/{family}/favourite", family=family), models.FavouriteView)
        )

    async def find_updates(self, family: str) -> models.UpdateList:
        """Look up whether the tags of software lead to other images than before."""
        return await self.call(
            Call(
                "GET",
                path("software/{family}/updates", family=family),
                models.UpdateList,
                repeatable=True,
            )
        )

    async def look_up_image(self, *, image: str | None = None) -> models.ImageView:
        """Look an image up in its registry."""
        return await self.call(
            Call("GET", "images", models.ImageView, query={"image": image}, repeatable=True)
        )

    async def list_registries(self) -> models.RegistriesView:
        """The user's accounts at registries, and those of the site for the user."""
        return await self.call(Call("GET", "registries", models.RegistriesView, repeatable=True))

    async def set_registry_account(
        self, host: str, body: models.RegistryAccount
    ) -> models.CredentialView:
        """Keep an account at a registry."""
        return await self.call(
            Call("PUT", path("registries/{host}", host=host), models.CredentialView, body=body)
        )

    async def delete_registry_account(self, host: str) -> None:
        """Delete the account at a registry."""
        await self.call(Call("DELETE", path("registries/{host}", host=host), None))

    async def test_registry_account(self, host: str) -> models.CredentialView:
        """Log in at a registry with the user's account."""
        return await self.call(
            Call("POST", path("registries/{host}/test", host=host), models.CredentialView)
        )

    async def list_builds(
        self, *, limit: int | None = None, after: str | None = None
    ) -> models.BuildPage:
        """The builds that the user has asked for, the last one first."""
        return await self.call(
            Call(
                "GET",
                "builds",
                models.BuildPage,
                query={"limit": limit, "after": after},
                repeatable=True,
            )
        )

    async def start_build(self, body: models.BuildRequest) -> models.BuildView:
        """Ask for the image of a repository."""
        return await self.call(
            Call(
                "POST",
                "builds",
                models.BuildView,
                body=body,
                headers={"Idempotency-Key": new_key()},
                repeatable=True,
            )
        )

    async def get_build(self, build: str) -> models.BuildView:
        """A build."""
        return await self.call(
            Call("GET", path("builds/{build}", build=build), models.BuildView, repeatable=True)
        )

    async def cancel_build(self, build: str) -> models.BuildView:
        """Stop waiting for a build, or forget one that has ended."""
        return await self.call(
            Call("DELETE", path("builds/{build}", build=build), models.BuildView)
        )

    async def get_build_log(self, build: str, *, offset: int | None = None) -> str:
        """The output of a build from a byte on; `X-Log-Offset` says where it begins."""
        return await self.call(
            Call(
                "GET",
                path("builds/{build}/log", build=build),
                str,
                query={"offset": offset},
                repeatable=True,
            )
        )

    async def add_built_software(self, build: str) -> models.BuiltSoftware:
        """Make software of the user of what was built."""
        return await self.call(
            Call("POST", path("builds/{build}/software", build=build), models.BuiltSoftware)
        )

    async def list_storages(self) -> models.StorageList:
        """The user's storages; none of them is contacted."""
        return await self.call(Call("GET", "storages", models.StorageList, repeatable=True))

    async def get_storage(self, storage: str) -> models.ContactedStorage:
        """A storage with its room and the account of its files; it is contacted."""
        return await self.call(
            Call(
                "GET",
                path("storages/{storage}", storage=storage),
                models.ContactedStorage,
                repeatable=True,
            )
        )

    async def list_folder(
        self,
        storage: str,
        entry: str,
        *,
        sort: str | None = None,
        reverse: bool | None = None,
        filter: str | None = None,
        hidden: bool | None = None,
        offset: int | None = None,
        limit: int | None = None,
    ) -> models.FolderPage:
        """A page of a folder."""
        return await self.call(
            Call(
                "GET",
                path("storages/{storage}/list/{entry}", storage=storage, entry=entry),
                models.FolderPage,
                query={
                    "sort": sort,
                    "reverse": reverse,
                    "filter": filter,
                    "hidden": hidden,
                    "offset": offset,
                    "limit": limit,
                },
                repeatable=True,
            )
        )

    async def get_entry(self, storage: str, entry: str) -> models.EntryView:
        """An entry of a storage; of a link the link itself, with where it leads."""
        return await self.call(
            Call(
                "GET",
                path("storages/{storage}/entry/{entry}", storage=storage, entry=entry),
                models.EntryView,
                repeatable=True,
            )
        )

    async def make_folder(self, storage: str, entry: str) -> models.EntryView:
        """Make a folder, and those above it that are missing."""
        return await self.call(
            Call(
                "POST",
                path("storages/{storage}/folder/{entry}", storage=storage, entry=entry),
                models.EntryView,
            )
        )

    async def rename_entry(self, storage: str, body: models.Renaming) -> models.EntryView:
        """Give an entry another name, or move it to another folder of the storage."""
        return await self.call(
            Call(
                "POST",
                path("storages/{storage}/rename", storage=storage),
                models.EntryView,
                body=body,
            )
        )

    async def remove_entries(self, storage: str, body: models.Removal) -> models.Removed:
        """Remove entries, or count what would be removed."""
        return await self.call(
            Call(
                "POST",
                path("storages/{storage}/remove", storage=storage),
                models.Removed,
                body=body,
            )
        )

    async def set_mode(self, storage: str, body: models.Permissions) -> models.EntryView:
        """Set the permission bits of an entry."""
        return await self.call(
            Call(
                "POST",
                path("storages/{storage}/mode", storage=storage),
                models.EntryView,
                body=body,
            )
        )

    async def prepare_archive(self, storage: str, body: models.Selection) -> models.ArchiveView:
        """The address of an archive, which is good once and for a minute."""
        return await self.call(
            Call(
                "POST",
                path("storages/{storage}/archive", storage=storage),
                models.ArchiveView,
                body=body,
            )
        )

    async def give_up_upload(self, storage: str, upload: str, *, tus_resumable: str) -> None:
        """Give an upload up."""
        await self.call(
            Call(
                "DELETE",
                path("storages/{storage}/uploads/{upload}", storage=storage, upload=upload),
                None,
                headers={"Tus-Resumable": tus_resumable},
            )
        )

    async def get_registry_token(self) -> Any:
        """A token for the hub's registry."""
        return await self.call(Call("GET", "/registry/token", Any, repeatable=True))

    async def look_up_link(self, provider: str, spec: str) -> models.RepositoryView:
        """What a link to a repository means now; nothing is built."""
        return await self.call(
            Call(
                "GET",
                path("links/{provider}/{spec}", provider=provider, spec=spec),
                models.RepositoryView,
                repeatable=True,
            )
        )

    async def list_copies(
        self, *, limit: int | None = None, after: str | None = None
    ) -> models.CopyPage:
        """The user's copies, newest first."""
        return await self.call(
            Call(
                "GET",
                "copies",
                models.CopyPage,
                query={"limit": limit, "after": after},
                repeatable=True,
            )
        )

    async def start_copy(self, body: models.NewCopy) -> models.CopyView:
        """Begin a copy between storages."""
        return await self.call(
            Call(
                "POST",
                "copies",
                models.CopyView,
                body=body,
                headers={"Idempotency-Key": new_key()},
                repeatable=True,
            )
        )

    async def get_copy(self, copy: str) -> models.CopyView:
        """A copy."""
        return await self.call(
            Call("GET", path("copies/{copy}", copy=copy), models.CopyView, repeatable=True)
        )

    async def cancel_copy(self, copy: str) -> models.CopyView:
        """Cancel a copy, or forget one that has ended, which is answered with 204."""
        return await self.call(Call("DELETE", path("copies/{copy}", copy=copy), models.CopyView))
