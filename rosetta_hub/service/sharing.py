"""The parts of the service that share tasks, put together."""

from jupyterhub.services.auth import HubOAuth

from rosetta_hub.audit.log import AuditLog
from rosetta_hub.config import Rosetta
from rosetta_hub.hub.client import HubClient
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.keys import Keys
from rosetta_hub.sharing.guests import Guests
from rosetta_hub.sharing.permission import SharePermission
from rosetta_hub.sharing.principals import Principals
from rosetta_hub.sharing.records import ShareRecords
from rosetta_hub.sharing.session_check import SessionCheck
from rosetta_hub.sharing.share_mails import ShareMails
from rosetta_hub.sharing.sharing import Sharing
from rosetta_hub.tasks.manager import TaskManager


class SharingParts:
    """Who asks, who may stay, and the shares themselves."""

    def __init__(
        self,
        settings: Rosetta,
        tasks: TaskManager,
        hub: HubClient,
        hub_auth: HubOAuth,
        edge: EdgePublisher,
        keys: Keys,
        audit: AuditLog,
    ) -> None:
        permission = SharePermission(settings.sharing)
        self.principals = Principals(hub if permission.enabled else None, hub_auth)
        self.session_check = SessionCheck(tasks, hub_auth, self.principals, keys)
        guests = Guests(edge, self.session_check, self.principals, tasks.events)
        records = ShareRecords(tasks.database)
        mails = ShareMails(tasks.database, settings, keys)
        self.sharing = Sharing(tasks, hub, records, guests, permission, audit, mails)
