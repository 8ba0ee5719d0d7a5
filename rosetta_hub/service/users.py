"""The parts of the service that deal with users, put together."""

from jupyterhub.services.auth import HubOAuth

from rosetta_hub.accounts.administration import AccountAdministration
from rosetta_hub.accounts.local import LocalAccounts
from rosetta_hub.accounts.settings import LocalSettings
from rosetta_hub.audit.log import AuditLog
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.hub.client import HubClient
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.keys import Keys
from rosetta_hub.mail.confirmation import MailAddresses
from rosetta_hub.sharing.session_check import SessionCheck
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.users.browser_logins import BrowserLogins
from rosetta_hub.users.dates import DateSettings
from rosetta_hub.users.exports import UserExports
from rosetta_hub.users.idempotency import IdempotencyKeys
from rosetta_hub.users.session_end import OpenStreams, SessionEnder
from rosetta_hub.web.services import AccountParts


def build_account_administration(
    settings: Rosetta, database: Database, hub: HubClient, sessions: SessionEnder
) -> AccountAdministration | None:
    """What administrators decide about accounts; None where another authenticator does."""
    if not settings.template_vars.get("rosetta_authenticator"):
        return None
    # Who may sign up is decided in the hub's process.
    local = LocalAccounts(
        database, settings.keys(), LocalSettings(), settings.hub_url, settings.mail_available
    )
    has_local = bool(settings.template_vars.get("rosetta_local_accounts"))
    return AccountAdministration(local, hub, sessions, has_local)


def build_session_ender(
    tasks: TaskManager,
    audit: AuditLog,
    hub: HubClient,
    edge: EdgePublisher,
    hub_auth: HubOAuth,
    check: SessionCheck,
    streams: OpenStreams,
) -> SessionEnder:
    """What ends the sessions of a user."""
    return SessionEnder(
        hub,
        tasks.database,
        audit,
        edge.end_session,
        check.may_enter,
        edge.cut_connections,
        hub_auth.cache.clear,
        streams,
    )


def build_account_parts(database: Database, settings: Rosetta, keys: Keys) -> AccountParts:
    """What the page Account works with."""
    return AccountParts(
        DateSettings(database),
        MailAddresses(database, settings, keys),
        BrowserLogins(database),
        UserExports(database),
        IdempotencyKeys(database, keys),
    )
