"""The handlers of the REST API: one list, of which both routes and description are made."""

from typing import Any

from rosetta_hub.web.about_api import OpenApiHandler, ServiceHandler, UserHandler
from rosetta_hub.web.account_api import (
    IdentitiesHandler,
    IdentityHandler,
    KeyHandler,
    RenewHandler,
    TestHandler,
)
from rosetta_hub.web.account_data_api import DataHandler, DeletionHandler
from rosetta_hub.web.account_mail_api import MailConfirmHandler, MailHandler
from rosetta_hub.web.account_profile_api import DatesHandler, GroupsHandler
from rosetta_hub.web.account_tokens_api import (
    SessionHandler,
    SessionsHandler,
    TokenHandler,
    TokensHandler,
)
from rosetta_hub.web.admin_accounts_api import (
    AccountListHandler,
    InvitationHandler,
    InvitationsHandler,
    SignUpHandler,
    UserStateHandler,
)
from rosetta_hub.web.admin_audit_api import AuditExportHandler, AuditHandler
from rosetta_hub.web.admin_computing_api import AdminComputingHandler, DrainHandler
from rosetta_hub.web.admin_software_api import (
    AdminSoftwareHandler,
    AdminVersionHandler,
    BlockHandler,
)
from rosetta_hub.web.admin_tasks_api import AdminStopHandler, AdminTasksHandler, NumbersHandler
from rosetta_hub.web.admin_users_api import AdminSessionsHandler, AdminUsersHandler
from rosetta_hub.web.announcements_api import (
    AdminAnnouncementHandler,
    AdminAnnouncementsHandler,
    AnnouncementsHandler,
)
from rosetta_hub.web.api import (
    LogHandler,
    PasswordHandler,
    StartHandler,
    StopAllHandler,
    StopHandler,
    TaskHandler,
    TasksHandler,
    UsageHandler,
)
from rosetta_hub.web.archive_api import ArchiveHandler, ArchivesHandler
from rosetta_hub.web.builds_api import (
    BuildEventsHandler,
    BuildHandler,
    BuildLogHandler,
    BuildsHandler,
)
from rosetta_hub.web.built_software_api import BuiltSoftwareHandler
from rosetta_hub.web.client_logins_api import (
    ClientLoginsHandler,
    LoginTokenHandler,
    OwnTokenHandler,
)
from rosetta_hub.web.connection import ConnectionHandler
from rosetta_hub.web.copies_api import CopiesHandler, CopyEventsHandler, CopyHandler
from rosetta_hub.web.event_stream import EventsHandler
from rosetta_hub.web.favourites_api import FavouriteHandler
from rosetta_hub.web.file_api import FileHandler
from rosetta_hub.web.files_api import (
    EntryHandler,
    FolderHandler,
    ListHandler,
    ModeHandler,
    RemoveHandler,
    RenameHandler,
    StorageHandler,
    StoragesHandler,
)
from rosetta_hub.web.image_updates_api import UpdatesHandler
from rosetta_hub.web.images_api import ImagesHandler
from rosetta_hub.web.inventory_api import ComputingHandler, InventoryHandler
from rosetta_hub.web.lifetimes_api import KeepHandler, LifetimeHandler, TimeHandler
from rosetta_hub.web.links_api import LinkHandler
from rosetta_hub.web.logins_api import LoginHandler, LoginsHandler, MergedHandler
from rosetta_hub.web.openapi import build_openapi, path_of
from rosetta_hub.web.password_api import OwnPasswordHandler
from rosetta_hub.web.path_parameters import route_pattern
from rosetta_hub.web.preview_api import PreviewHandler
from rosetta_hub.web.registries_api import (
    RegistriesHandler,
    RegistryHandler,
    RegistryTestHandler,
)
from rosetta_hub.web.registry_token import RegistryTokenHandler
from rosetta_hub.web.sharing_api import (
    SharedHandler,
    ShareHandler,
    SharesHandler,
    VisitorsHandler,
)
from rosetta_hub.web.software_api import (
    DuplicateFamilyHandler,
    DuplicateVersionHandler,
    FamilyHandler,
    LogoHandler,
    SoftwareHandler,
    VersionHandler,
)
from rosetta_hub.web.uploads_api import UploadHandler, UploadsHandler

API_HANDLERS: tuple[type[Any], ...] = (
    *(ServiceHandler, UserHandler, OpenApiHandler),
    *(ClientLoginsHandler, LoginTokenHandler, OwnTokenHandler),
    *(TasksHandler, TaskHandler, StopHandler, StartHandler, LogHandler, PasswordHandler),
    *(UsageHandler, ConnectionHandler, StopAllHandler),
    *(LifetimeHandler, KeepHandler, TimeHandler),
    *(SharesHandler, ShareHandler, VisitorsHandler, SharedHandler),
    *(ComputingHandler, InventoryHandler),
    *(AnnouncementsHandler, AdminAnnouncementsHandler, AdminAnnouncementHandler),
    *(AdminTasksHandler, AdminStopHandler, NumbersHandler, AdminComputingHandler, DrainHandler),
    *(AdminUsersHandler, AdminSessionsHandler, AuditHandler, AuditExportHandler),
    *(AdminSoftwareHandler, AdminVersionHandler, BlockHandler),
    *(AccountListHandler, SignUpHandler, InvitationsHandler, InvitationHandler, UserStateHandler),
    *(IdentitiesHandler, IdentityHandler, TestHandler, RenewHandler, KeyHandler),
    *(DataHandler, DeletionHandler, MailHandler, MailConfirmHandler, DatesHandler, GroupsHandler),
    *(TokensHandler, TokenHandler, SessionsHandler, SessionHandler, OwnPasswordHandler),
    *(LoginsHandler, LoginHandler, MergedHandler),
    *(SoftwareHandler, VersionHandler, DuplicateVersionHandler, FamilyHandler, LogoHandler),
    *(DuplicateFamilyHandler, FavouriteHandler, UpdatesHandler, ImagesHandler),
    *(RegistriesHandler, RegistryHandler, RegistryTestHandler),
    *(BuildsHandler, BuildHandler, BuildLogHandler, BuildEventsHandler, BuiltSoftwareHandler),
    *(StoragesHandler, StorageHandler, ListHandler, EntryHandler, FolderHandler, RenameHandler),
    *(RemoveHandler, ModeHandler, FileHandler, PreviewHandler, ArchivesHandler, ArchiveHandler),
    *(UploadsHandler, UploadHandler, EventsHandler, RegistryTokenHandler),
    *(LinkHandler, CopiesHandler, CopyEventsHandler, CopyHandler),
)


def describe_api(prefix: str) -> dict[str, Any]:
    """The description of the API (OpenAPI 3.1), for a service below `prefix`."""
    return build_openapi(prefix, API_HANDLERS)


def api_routes(prefix: str, arguments: dict[str, Any]) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of all of them below `prefix`."""
    base = prefix.removesuffix("/")
    return [
        (base + route_pattern(path_of(handler)), handler, arguments) for handler in API_HANDLERS
    ]
