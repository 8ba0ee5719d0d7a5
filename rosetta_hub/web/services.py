"""What the handlers work with: one object, which the service composes."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from jupyterhub.services.auth import HubOAuth

from rosetta_hub.accounts.administration import AccountAdministration
from rosetta_hub.accounts.client_logins import ClientLogins
from rosetta_hub.accounts.throttle import Throttle
from rosetta_hub.administration.announcements import Announcements
from rosetta_hub.administration.drains import Drains
from rosetta_hub.administration.numbers import DailyReport
from rosetta_hub.administration.overview import Overview
from rosetta_hub.audit.log import AuditLog
from rosetta_hub.builds.builds import Builds
from rosetta_hub.catalogue.registries import Registries
from rosetta_hub.config import Rosetta
from rosetta_hub.copies.records import CopyRecords
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Task
from rosetta_hub.files.archives import ArchiveTickets
from rosetta_hub.files.file_access import FileAccess
from rosetta_hub.files.preview.previews import Previews
from rosetta_hub.hub.client import HubClient
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.keys import Keys
from rosetta_hub.lifetimes.lifetimes import Lifetimes
from rosetta_hub.mail.confirmation import MailAddresses
from rosetta_hub.registries.credentials import RegistryCredentials
from rosetta_hub.registries.hub_registry import HubRegistry
from rosetta_hub.registries.lookup import Lookup
from rosetta_hub.resources.inventory_collector import InventoryCollector
from rosetta_hub.sharing.principals import Principals
from rosetta_hub.sharing.sharing import Sharing
from rosetta_hub.software.library import Library
from rosetta_hub.software.logos import Logos
from rosetta_hub.software.policy import ImagePolicy
from rosetta_hub.tasks.conditions import Conditions
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tasks.view import Viewer
from rosetta_hub.users.browser_logins import BrowserLogins
from rosetta_hub.users.dates import DateSettings
from rosetta_hub.users.deletion import Users
from rosetta_hub.users.exports import UserExports
from rosetta_hub.users.idempotency import IdempotencyKeys
from rosetta_hub.users.identities import Identities, IdentityTester
from rosetta_hub.users.session_end import OpenStreams, SessionEnder
from rosetta_hub.web.active_uploads import ActiveUploads
from rosetta_hub.web.health import Health
from rosetta_hub.web.open_connections import OpenConnections
from rosetta_hub.web.page_templates import PageTemplates
from rosetta_hub.web.rate_limit import RateLimit
from rosetta_hub.web.starters import Starters


class Administration:
    """What administrators see and set, all on one database."""

    def __init__(self, database: Database, heartbeat_interval: int) -> None:
        self.announcements = Announcements(database)
        self.drains = Drains(database)
        self.report = DailyReport(database)
        self.overview = Overview(database, heartbeat_interval)


@dataclass(frozen=True)
class AccountParts:
    """What belongs to a user beside tasks and keys: the page Account shows and changes it."""

    dates: DateSettings
    addresses: MailAddresses
    browsers: BrowserLogins
    exports: UserExports
    requests: IdempotencyKeys

    def delete_user(self, user: str) -> None:
        """Forget what these parts keep for a user."""
        for part in (self.dates, self.addresses, self.browsers, self.requests):
            part.delete_user(user)


@dataclass(frozen=True)
class Services:
    """What handlers work with; one instance an application."""

    settings: Rosetta
    keys: Keys
    tasks: TaskManager
    viewer: Viewer
    edge: EdgePublisher
    hub: HubClient
    hub_auth: HubOAuth
    templates: PageTemplates
    inventory: InventoryCollector
    identities: Identities
    users: Users
    health: Health
    identity_tester: IdentityTester
    # Called with user and computing resource when an identity is another than before.
    identity_changed: Callable[[str, str], Coroutine[Any, Any, None]]
    files: FileAccess
    copies: CopyRecords
    builds: Builds | None
    uploads: ActiveUploads
    archives: ArchiveTickets
    previews: Previews
    lookup: Lookup
    registries: Registries
    credentials: RegistryCredentials
    hub_registry: HubRegistry | None
    library: Library
    logos: Logos
    image_policy: ImagePolicy
    metrics: Callable[[], Coroutine[Any, Any, bytes]]
    audit: AuditLog
    lifetimes: Lifetimes
    # Called with a task that is a job, and seconds to add to the job's time limit.
    extend_job: Callable[[Task, int], Coroutine[Any, Any, None]]
    session_ender: SessionEnder
    account_administration: AccountAdministration | None
    streams: OpenStreams
    administration: Administration
    starters: Starters
    conditions: Conditions
    principals: Principals
    sharing: Sharing
    account: AccountParts
    # None: users may send as many requests as they like.
    rate_limit: RateLimit | None
    connections: OpenConnections
    client_logins: ClientLogins
    throttle: Throttle
