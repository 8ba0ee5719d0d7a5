"""The operations of the API as methods that wait for the answer.

Made by client/generate.py of the description of the API: do not edit.
"""

from __future__ import annotations

from typing import Any, TypeVar

from rosetta_client import models
from rosetta_client.calls import Call, entity_tag, new_key, path

T = TypeVar("T")


class Operations:
    """A method for each operation; `call` sends them."""

    def call(self, call: Call[T]) -> T:
        """Send a call."""
        raise NotImplementedError

    def get_service(self) -> models.ServiceView:
        """Version and features of the service."""
        return self.call(Call("GET", "", models.ServiceView, repeatable=True))

    def get_user(self) -> models.UserView:
        """The user of the token, and what the token may do."""
        return self.call(Call("GET", "user", models.UserView, repeatable=True))

    def get_openapi(self) -> Any:
        """This description (OpenAPI 3.1)."""
        return self.call(Call("GET", "openapi.json", Any, repeatable=True))

    def begin_login(self, body: models.NewLogin) -> models.LoginBegun:
        """Begin a login whose code the user types in at the page `login`."""
        return self.call(Call("POST", "client-logins", models.LoginBegun, body=body))

    def finish_login(self, body: models.LoginProof) -> models.LoginResult:
        """Get the token, once the user has agreed."""
        return self.call(Call("POST", "client-logins/token", models.LoginResult, body=body))

    def get_own_token(self) -> models.TokenView:
        """The token of this request: what it may do, and until when."""
        return self.call(Call("GET", "token", models.TokenView, repeatable=True))

    def delete_own_token(self) -> None:
        """Delete the token of this request, as a program does that logs out."""
        self.call(Call("DELETE", "token", None))

    def list_tasks(
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
        return self.call(
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

    def start_task(self, body: models.NewTask) -> models.TaskView:
        """Start a task."""
        return self.call(
            Call(
                "POST",
                "tasks",
                models.TaskView,
                body=body,
                headers={"Idempotency-Key": new_key()},
                repeatable=True,
            )
        )

    def get_task(self, task: str) -> models.TaskView:
        """A task."""
        return self.call(
            Call("GET", path("tasks/{task}", task=task), models.TaskView, repeatable=True)
        )

    def delete_task(self, task: str) -> None:
        """Stop a task if it runs, and forget it, log included."""
        self.call(Call("DELETE", path("tasks/{task}", task=task), None))

    def stop_task(self, task: str) -> models.TaskView:
        """Stop a task in whatever state it is; a queued one is cancelled."""
        return self.call(Call("POST", path("tasks/{task}/stop", task=task), models.TaskView))

    def start_task_again(self, task: str, body: models.StartAgain) -> models.TaskView:
        """Start a task again with the options it had: a new attempt."""
        return self.call(
            Call(
                "POST",
                path("tasks/{task}/start", task=task),
                models.TaskView,
                body=body,
                headers={"Idempotency-Key": new_key()},
                repeatable=True,
            )
        )

    def get_task_log(self, task: str, *, attempt: int | None = None) -> str:
        """The output of a task, the last attempt by default."""
        return self.call(
            Call(
                "GET",
                path("tasks/{task}/log", task=task),
                str,
                query={"attempt": attempt},
                repeatable=True,
            )
        )

    def get_task_password(self, task: str) -> models.PasswordView:
        """User and one-time password of an interface that protects itself."""
        return self.call(
            Call(
                "GET",
                path("tasks/{task}/password", task=task),
                models.PasswordView,
                repeatable=True,
            )
        )

    def get_task_usage(self, task: str) -> models.UsageView:
        """What a task uses over time: CPUs, memory and GPUs, beside what was asked for."""
        return self.call(
            Call("GET", path("tasks/{task}/usage", task=task), models.UsageView, repeatable=True)
        )

    def stop_tasks_of_user(self, user: str) -> models.TaskPage:
        """Stop all tasks of a user; the answer has those that were active."""
        return self.call(Call("POST", path("users/{user}/stop", user=user), models.TaskPage))

    def get_lifetime(self, task: str) -> models.LifetimeView:
        """When a task ends by itself, and why."""
        return self.call(
            Call(
                "GET",
                path("tasks/{task}/lifetime", task=task),
                models.LifetimeView,
                repeatable=True,
            )
        )

    def set_stop_time(self, task: str, body: models.StopTime) -> models.LifetimeView:
        """Choose when a task is stopped."""
        return self.call(
            Call("PUT", path("tasks/{task}/lifetime", task=task), models.LifetimeView, body=body)
        )

    def keep_task(self, task: str) -> models.LifetimeView:
        """Put off the planned end of a task."""
        return self.call(Call("POST", path("tasks/{task}/keep", task=task), models.LifetimeView))

    def extend_task(self, task: str, body: models.MoreTime) -> models.TaskView:
        """Give the running job of a task more time, where its scheduler lets its owner have it."""
        return self.call(
            Call("POST", path("tasks/{task}/time", task=task), models.TaskView, body=body)
        )

    def list_shares(self, task: str) -> models.SharesView:
        """With whom a task is shared, its links, and who is inside."""
        return self.call(
            Call("GET", path("tasks/{task}/shares", task=task), models.SharesView, repeatable=True)
        )

    def share_task(self, task: str, body: models.NewShare) -> models.MadeShare:
        """Share a task with a user or a group, or make a link that does."""
        return self.call(
            Call("POST", path("tasks/{task}/shares", task=task), models.MadeShare, body=body)
        )

    def end_shares(self, task: str) -> None:
        """End all shares and links of a task, and cut off who is inside."""
        self.call(Call("DELETE", path("tasks/{task}/shares", task=task), None))

    def end_share(self, task: str, share: str) -> None:
        """End a share, and cut off whom it let in; or a link, which lets nobody in any more."""
        self.call(Call("DELETE", path("tasks/{task}/shares/{share}", task=task, share=share), None))

    def list_visitors(self, task: str) -> models.VisitorsView:
        """Who has used a task within the last minute; for those alone who may end shares."""
        return self.call(
            Call(
                "GET",
                path("tasks/{task}/visitors", task=task),
                models.VisitorsView,
                repeatable=True,
            )
        )

    def list_shared_tasks(self) -> models.SharedTasks:
        """Tasks that others share with the user, and until when, newest first."""
        return self.call(Call("GET", "shared", models.SharedTasks, repeatable=True))

    def list_computing(self) -> models.ComputingList:
        """The computing resources that the user may use."""
        return self.call(Call("GET", "computing", models.ComputingList, repeatable=True))

    def get_inventory(self, computing: str) -> models.InventoryView:
        """Partitions, limits and accounts of a cluster, as the user's own account sees them."""
        return self.call(
            Call(
                "GET",
                path("computing/{computing}/inventory", computing=computing),
                models.InventoryView,
                repeatable=True,
            )
        )

    def list_announcements(self) -> models.AnnouncementList:
        """What is announced now."""
        return self.call(Call("GET", "announcements", models.AnnouncementList, repeatable=True))

    def list_all_announcements(self) -> models.AdminAnnouncementList:
        """All announcements, also those of later and of before."""
        return self.call(
            Call("GET", "admin/announcements", models.AdminAnnouncementList, repeatable=True)
        )

    def add_announcement(self, body: models.AnnouncementText) -> models.AdminAnnouncement:
        """Announce something."""
        return self.call(Call("POST", "admin/announcements", models.AdminAnnouncement, body=body))

    def change_announcement(
        self, announcement: str, body: models.AnnouncementText, *, revision: int | str
    ) -> models.AdminAnnouncement:
        """Replace an announcement; its `version` is the entity tag."""
        return self.call(
            Call(
                "PUT",
                path("admin/announcements/{announcement}", announcement=announcement),
                models.AdminAnnouncement,
                body=body,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    def delete_announcement(self, announcement: str, *, revision: int | str) -> None:
        """Show an announcement no more; its `version` is the entity tag."""
        self.call(
            Call(
                "DELETE",
                path("admin/announcements/{announcement}", announcement=announcement),
                None,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    def list_all_tasks(
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
        return self.call(
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

    def stop_tasks(self, body: models.Stops) -> models.StoppedTasks:
        """Stop tasks of anybody; the answer names those that were active."""
        return self.call(Call("POST", "admin/tasks/stop", models.StoppedTasks, body=body))

    def get_numbers(self, *, days: int | None = None) -> models.NumbersView:
        """Starts, failures and the most that ran at a time, by day (UTC) and resource."""
        return self.call(
            Call("GET", "admin/numbers", models.NumbersView, query={"days": days}, repeatable=True)
        )

    def get_system(self) -> models.SystemView:
        """How each computing resource and each part of the service does."""
        return self.call(Call("GET", "admin/computing", models.SystemView, repeatable=True))

    def drain_computing(
        self, computing: str, body: models.Drain, *, revision: int | str
    ) -> models.DrainState:
        """Let no more tasks start on a resource, and tell users why; those that run go on."""
        return self.call(
            Call(
                "PUT",
                path("admin/computing/{computing}/drain", computing=computing),
                models.DrainState,
                body=body,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    def resume_computing(self, computing: str, *, revision: int | str) -> models.DrainState:
        """Let tasks start on a resource again."""
        return self.call(
            Call(
                "DELETE",
                path("admin/computing/{computing}/drain", computing=computing),
                models.DrainState,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    def list_users(
        self, *, limit: int | None = None, after: str | None = None, user: str | None = None
    ) -> models.UserPage:
        """Users with tasks, those with the most active ones first."""
        return self.call(
            Call(
                "GET",
                "admin/users",
                models.UserPage,
                query={"limit": limit, "after": after, "user": user},
                repeatable=True,
            )
        )

    def end_sessions_of_user(self, user: str, body: models.SessionsEnd) -> None:
        """End all logins of a user, at the hub and in tasks."""
        self.call(Call("POST", path("admin/users/{user}/sessions/end", user=user), None, body=body))

    def list_audit_records(
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
        return self.call(
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

    def list_user_software(
        self, *, limit: int | None = None, after: str | None = None, owner: str | None = None
    ) -> models.OverseenPage:
        """Versions that users have added, what was changed last first."""
        return self.call(
            Call(
                "GET",
                "admin/software",
                models.OverseenPage,
                query={"limit": limit, "after": after, "owner": owner},
                repeatable=True,
            )
        )

    def delete_user_software(self, version: str, *, revision: int | str) -> None:
        """Delete a version that users have added; tasks that run go on."""
        self.call(
            Call(
                "DELETE",
                path("admin/software/{version}", version=version),
                None,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    def block_software(
        self, version: str, body: models.Block, *, revision: int | str
    ) -> models.BlockState:
        """Let a version be started no more; its owner sees the reason."""
        return self.call(
            Call(
                "PUT",
                path("admin/software/{version}/block", version=version),
                models.BlockState,
                body=body,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    def unblock_software(self, version: str, *, revision: int | str) -> models.BlockState:
        """Let a version be started again."""
        return self.call(
            Call(
                "DELETE",
                path("admin/software/{version}/block", version=version),
                models.BlockState,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    def list_accounts(self) -> models.AccountsView:
        """Who waits for an account, open invitations, and blocked users."""
        return self.call(Call("GET", "admin/accounts", models.AccountsView, repeatable=True))

    def approve_account(self, account: str) -> None:
        """Approve an account that somebody waits for."""
        self.call(Call("POST", path("admin/accounts/sign-ups/{account}", account=account), None))

    def refuse_account(self, account: str) -> None:
        """Refuse an account that somebody waits for."""
        self.call(Call("DELETE", path("admin/accounts/sign-ups/{account}", account=account), None))

    def make_invitation(self, body: models.NewInvitation) -> models.MadeInvitation:
        """Make an invitation; its link is in this answer alone."""
        return self.call(
            Call(
                "POST",
                "admin/accounts/invitations",
                models.MadeInvitation,
                body=body,
                headers={"Idempotency-Key": new_key()},
                repeatable=True,
            )
        )

    def withdraw_invitation(self, invitation: str) -> None:
        """Withdraw an invitation."""
        self.call(
            Call(
                "DELETE",
                path("admin/accounts/invitations/{invitation}", invitation=invitation),
                None,
            )
        )

    def set_user_state(self, user: str, body: models.AccountState) -> models.UserStateView:
        """Block a user, which ends all sessions and tokens, or let the user in again."""
        return self.call(
            Call(
                "PUT",
                path("admin/accounts/users/{user}", user=user),
                models.UserStateView,
                body=body,
            )
        )

    def list_identities(self) -> models.IdentityList:
        """The user's accounts and keys on computing resources."""
        return self.call(Call("GET", "account/identities", models.IdentityList, repeatable=True))

    def set_remote_user(self, computing: str, body: models.RemoteUser) -> models.IdentityView:
        """Set the user's account on a resource; the first time a key pair is made."""
        return self.call(
            Call(
                "PUT",
                path("account/identities/{computing}", computing=computing),
                models.IdentityView,
                body=body,
            )
        )

    def delete_key(self, computing: str) -> models.IdentityView:
        """Delete the user's key pair, once no task needs it any more."""
        return self.call(
            Call(
                "DELETE",
                path("account/identities/{computing}", computing=computing),
                models.IdentityView,
            )
        )

    def test_key(self, computing: str) -> models.IdentityView:
        """Log in at a resource with the user's key."""
        return self.call(
            Call(
                "POST",
                path("account/identities/{computing}/test", computing=computing),
                models.IdentityView,
            )
        )

    def renew_key(self, computing: str) -> models.IdentityView:
        """Make a new key pair; the old one is forgotten."""
        return self.call(
            Call(
                "POST",
                path("account/identities/{computing}/renew", computing=computing),
                models.IdentityView,
            )
        )

    def import_key(self, computing: str, body: models.ImportedKey) -> models.IdentityView:
        """Use a key pair of the user's own in the place of the present one."""
        return self.call(
            Call(
                "PUT",
                path("account/identities/{computing}/key", computing=computing),
                models.IdentityView,
                body=body,
            )
        )

    def export_data(self) -> Any:
        """Everything that is stored about the user, as a file without secrets."""
        return self.call(Call("GET", "account/data", Any, repeatable=True))

    def delete_data(self, body: models.Deletion) -> None:
        """Delete what is stored about the user, with all tasks."""
        self.call(Call("POST", "account/data/delete", None, body=body))

    def get_mail(self) -> models.MailView:
        """Which mails the user gets, and where."""
        return self.call(Call("GET", "account/mail", models.MailView, repeatable=True))

    def set_mail(self, body: models.MailChoice, *, revision: int | str) -> models.MailView:
        """Choose which mails are sent, and where."""
        return self.call(
            Call(
                "PUT",
                "account/mail",
                models.MailView,
                body=body,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    def confirm_address(self, body: models.AddressCode) -> models.MailView:
        """Use the address to which a code was sent."""
        return self.call(Call("POST", "account/mail/confirm", models.MailView, body=body))

    def get_dates(self) -> models.DatesView:
        """Time zone and language in which the user sees dates."""
        return self.call(Call("GET", "account/dates", models.DatesView, repeatable=True))

    def set_dates(self, body: models.DateChoices, *, revision: int | str) -> models.DatesView:
        """Set time zone and language of dates."""
        return self.call(
            Call(
                "PUT",
                "account/dates",
                models.DatesView,
                body=body,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    def list_groups(self) -> models.GroupList:
        """The user's groups, and what is limited to each."""
        return self.call(Call("GET", "account/groups", models.GroupList, repeatable=True))

    def list_tokens(self) -> models.TokenList:
        """The user's API tokens."""
        return self.call(Call("GET", "account/tokens", models.TokenList, repeatable=True))

    def make_token(self, body: models.NewToken) -> models.MadeToken:
        """Make a token, which is shown this once."""
        return self.call(Call("POST", "account/tokens", models.MadeToken, body=body))

    def delete_token(self, token: str) -> None:
        """Delete a token; whatever uses it is refused from now on."""
        self.call(Call("DELETE", path("account/tokens/{token}", token=token), None))

    def list_sessions(self) -> models.SessionList:
        """Where the user is logged in."""
        return self.call(Call("GET", "account/sessions", models.SessionList, repeatable=True))

    def end_sessions(self, *, api_tokens: bool | None = None) -> None:
        """End all logins of the user, the one that asks included."""
        self.call(Call("DELETE", "account/sessions", None, query={"api_tokens": api_tokens}))

    def end_session(self, session: str) -> None:
        """End one login of the user: whatever its browser has open closes, tasks go on."""
        self.call(Call("DELETE", path("account/sessions/{session}", session=session), None))

    def get_password(self) -> models.OwnPasswordView:
        """Whether the user has a password, and since when."""
        return self.call(Call("GET", "account/password", models.OwnPasswordView, repeatable=True))

    def request_password(self) -> models.MailedTo:
        """Mail a link that sets the user's first password."""
        return self.call(Call("POST", "account/password", models.MailedTo))

    def change_password(self, body: models.NewPassword) -> None:
        """Change the user's password; all sessions end, this one included."""
        self.call(Call("PUT", "account/password", None, body=body))

    def list_logins(self) -> models.LoginList:
        """The user's logins, those that were removed, and merged users."""
        return self.call(Call("GET", "account/logins", models.LoginList, repeatable=True))

    def restore_login(self, login: str) -> models.LoginView:
        """Put a removed login in force again."""
        return self.call(
            Call("POST", path("account/logins/{login}", login=login), models.LoginView)
        )

    def remove_login(self, login: str) -> None:
        """Remove a login; whoever is logged in by it is logged out within the refresh time."""
        self.call(Call("DELETE", path("account/logins/{login}", login=login), None))

    def separate_user(self, user: str) -> None:
        """Separate a user who was merged, whose logins lead to the user from now on."""
        self.call(Call("DELETE", path("account/merged/{user}", user=user), None))

    def list_software(self) -> models.FamilyList:
        """The catalogue: the platform's software families, the user's own, and the groups'."""
        return self.call(Call("GET", "software", models.FamilyList, repeatable=True))

    def add_software(self, body: models.SoftwareEntry) -> models.VersionView:
        """Add software: the keys of an entry, and the `owner` where it is a group."""
        return self.call(Call("POST", "software", models.VersionView, body=body))

    def get_version(self, version: str) -> models.VersionView:
        """A version of users' software; its `ETag` is the revision."""
        return self.call(
            Call(
                "GET",
                path("software/versions/{version}", version=version),
                models.VersionView,
                repeatable=True,
            )
        )

    def change_version(
        self, version: str, body: models.SoftwareEntry, *, revision: int | str
    ) -> models.VersionView:
        """Replace the entry of a version."""
        return self.call(
            Call(
                "PUT",
                path("software/versions/{version}", version=version),
                models.VersionView,
                body=body,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    def delete_version(self, version: str, *, revision: int | str) -> None:
        """Delete a version; tasks that run go on."""
        self.call(
            Call(
                "DELETE",
                path("software/versions/{version}", version=version),
                None,
                headers={"If-Match": entity_tag(revision)},
            )
        )

    def duplicate_version(self, version: str, body: models.NewVersion) -> models.WrittenVersion:
        """Copy a version to a new software family, of the user or of the `owner` in the body."""
        return self.call(
            Call(
                "POST",
                path("software/versions/{version}/duplicate", version=version),
                models.WrittenVersion,
                body=body,
            )
        )

    def delete_family(self, family: str) -> None:
        """Delete all versions of a software family; tasks that run go on."""
        self.call(Call("DELETE", path("software/{family}", family=family), None))

    def delete_logo(self, family: str) -> None:
        """Remove the logo of a software family."""
        self.call(Call("DELETE", path("software/{family}/logo", family=family), None))

    def duplicate_family(
        self, family: str, body: models.NewVersion, *, version: str | None = None
    ) -> models.WrittenVersion:
        """Copy a version of any software family, the platform's, too."""
        return self.call(
            Call(
                "POST",
                path("software/{family}/duplicate", family=family),
                models.WrittenVersion,
                query={"version": version},
                body=body,
            )
        )

    def mark_favourite(self, family: str) -> models.FavouriteView:
        """Mark software as a favourite of the user."""
        return self.call(
            Call("PUT", path("software/{family}/favourite", family=family), models.FavouriteView)
        )

    def unmark_favourite(self, family: str) -> models.FavouriteView:
        """Take the mark of a favourite away."""
        return self.call(
            Call("DELETE", path("software/{family}/favourite", family=family), models.FavouriteView)
        )

    def find_updates(self, family: str) -> models.UpdateList:
        """Look up whether the tags of software lead to other images than before."""
        return self.call(
            Call(
                "GET",
                path("software/{family}/updates", family=family),
                models.UpdateList,
                repeatable=True,
            )
        )

    def look_up_image(self, *, image: str | None = None) -> models.ImageView:
        """Look an image up in its registry."""
        return self.call(
            Call("GET", "images", models.ImageView, query={"image": image}, repeatable=True)
        )

    def list_registries(self) -> models.RegistriesView:
        """The user's accounts at registries, and those of the site for the user."""
        return self.call(Call("GET", "registries", models.RegistriesView, repeatable=True))

    def set_registry_account(
        self, host: str, body: models.RegistryAccount
    ) -> models.CredentialView:
        """Keep an account at a registry."""
        return self.call(
            Call("PUT", path("registries/{host}", host=host), models.CredentialView, body=body)
        )

    def delete_registry_account(self, host: str) -> None:
        """Delete the account at a registry."""
        self.call(Call("DELETE", path("registries/{host}", host=host), None))

    def test_registry_account(self, host: str) -> models.CredentialView:
        """Log in at a registry with the user's account."""
        return self.call(
            Call("POST", path("registries/{host}/test", host=host), models.CredentialView)
        )

    def list_builds(
        self, *, limit: int | None = None, after: str | None = None
    ) -> models.BuildPage:
        """The builds that the user has asked for, the last one first."""
        return self.call(
            Call(
                "GET",
                "builds",
                models.BuildPage,
                query={"limit": limit, "after": after},
                repeatable=True,
            )
        )

    def start_build(self, body: models.BuildRequest) -> models.BuildView:
        """Ask for the image of a repository."""
        return self.call(
            Call(
                "POST",
                "builds",
                models.BuildView,
                body=body,
                headers={"Idempotency-Key": new_key()},
                repeatable=True,
            )
        )

    def get_build(self, build: str) -> models.BuildView:
        """A build."""
        return self.call(
            Call("GET", path("builds/{build}", build=build), models.BuildView, repeatable=True)
        )

    def cancel_build(self, build: str) -> models.BuildView:
        """Stop waiting for a build, or forget one that has ended."""
        return self.call(Call("DELETE", path("builds/{build}", build=build), models.BuildView))

    def get_build_log(self, build: str, *, offset: int | None = None) -> str:
        """The output of a build from a byte on; `X-Log-Offset` says where it begins."""
        return self.call(
            Call(
                "GET",
                path("builds/{build}/log", build=build),
                str,
                query={"offset": offset},
                repeatable=True,
            )
        )

    def add_built_software(self, build: str) -> models.BuiltSoftware:
        """Make software of the user of what was built."""
        return self.call(
            Call("POST", path("builds/{build}/software", build=build), models.BuiltSoftware)
        )

    def list_storages(self) -> models.StorageList:
        """The user's storages; none of them is contacted."""
        return self.call(Call("GET", "storages", models.StorageList, repeatable=True))

    def get_storage(self, storage: str) -> models.ContactedStorage:
        """A storage with its room and the account of its files; it is contacted."""
        return self.call(
            Call(
                "GET",
                path("storages/{storage}", storage=storage),
                models.ContactedStorage,
                repeatable=True,
            )
        )

    def list_folder(
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
        return self.call(
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

    def get_entry(self, storage: str, entry: str) -> models.EntryView:
        """An entry of a storage; of a link the link itself, with where it leads."""
        return self.call(
            Call(
                "GET",
                path("storages/{storage}/entry/{entry}", storage=storage, entry=entry),
                models.EntryView,
                repeatable=True,
            )
        )

    def make_folder(self, storage: str, entry: str) -> models.EntryView:
        """Make a folder, and those above it that are missing."""
        return self.call(
            Call(
                "POST",
                path("storages/{storage}/folder/{entry}", storage=storage, entry=entry),
                models.EntryView,
            )
        )

    def rename_entry(self, storage: str, body: models.Renaming) -> models.EntryView:
        """Give an entry another name, or move it to another folder of the storage."""
        return self.call(
            Call(
                "POST",
                path("storages/{storage}/rename", storage=storage),
                models.EntryView,
                body=body,
            )
        )

    def remove_entries(self, storage: str, body: models.Removal) -> models.Removed:
        """Remove entries, or count what would be removed."""
        return self.call(
            Call(
                "POST",
                path("storages/{storage}/remove", storage=storage),
                models.Removed,
                body=body,
            )
        )

    def set_mode(self, storage: str, body: models.Permissions) -> models.EntryView:
        """Set the permission bits of an entry."""
        return self.call(
            Call(
                "POST",
                path("storages/{storage}/mode", storage=storage),
                models.EntryView,
                body=body,
            )
        )

    def prepare_archive(self, storage: str, body: models.Selection) -> models.ArchiveView:
        """The address of an archive, which is good once and for a minute."""
        return self.call(
            Call(
                "POST",
                path("storages/{storage}/archive", storage=storage),
                models.ArchiveView,
                body=body,
            )
        )

    def give_up_upload(self, storage: str, upload: str, *, tus_resumable: str) -> None:
        """Give an upload up."""
        self.call(
            Call(
                "DELETE",
                path("storages/{storage}/uploads/{upload}", storage=storage, upload=upload),
                None,
                headers={"Tus-Resumable": tus_resumable},
            )
        )

    def get_registry_token(self) -> Any:
        """A token for the hub's registry."""
        return self.call(Call("GET", "/registry/token", Any, repeatable=True))

    def look_up_link(self, provider: str, spec: str) -> models.RepositoryView:
        """What a link to a repository means now; nothing is built."""
        return self.call(
            Call(
                "GET",
                path("links/{provider}/{spec}", provider=provider, spec=spec),
                models.RepositoryView,
                repeatable=True,
            )
        )

    def list_copies(self, *, limit: int | None = None, after: str | None = None) -> models.CopyPage:
        """The user's copies, newest first."""
        return self.call(
            Call(
                "GET",
                "copies",
                models.CopyPage,
                query={"limit": limit, "after": after},
                repeatable=True,
            )
        )

    def start_copy(self, body: models.NewCopy) -> models.CopyView:
        """Begin a copy between storages."""
        return self.call(
            Call(
                "POST",
                "copies",
                models.CopyView,
                body=body,
                headers={"Idempotency-Key": new_key()},
                repeatable=True,
            )
        )

    def get_copy(self, copy: str) -> models.CopyView:
        """A copy."""
        return self.call(
            Call("GET", path("copies/{copy}", copy=copy), models.CopyView, repeatable=True)
        )

    def cancel_copy(self, copy: str) -> models.CopyView:
        """Cancel a copy, or forget one that has ended, which is answered with 204."""
        return self.call(Call("DELETE", path("copies/{copy}", copy=copy), models.CopyView))
