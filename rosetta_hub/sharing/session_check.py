"""Whether a browser may go on using a task: the hub is asked about the login that it came with."""

import logging

from cryptography.fernet import InvalidToken
from jupyterhub.services.auth import HubOAuth
from tornado.web import HTTPError

from rosetta_hub.database.models import BrowserSession
from rosetta_hub.errors import HubUnavailable, NotFound
from rosetta_hub.keys import Keys
from rosetta_hub.sharing.principals import Principals
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tasks.principal import Principal

log = logging.getLogger(__name__)


class SessionCheck:
    """Asks the hub what a session's token is good for now; nothing kept answers."""

    def __init__(
        self, tasks: TaskManager, hub_auth: HubOAuth, principals: Principals, keys: Keys
    ) -> None:
        self._tasks = tasks
        self._hub_auth = hub_auth
        self._principals = principals
        self._keys = keys

    async def may_enter(self, row: BrowserSession) -> bool | None:
        """Whether the session's user may enter its task; None where the hub did not say."""
        try:
            token = self._keys.database.decrypt(row.token).decode()
            model = await self._hub_auth.user_for_token(token, use_cache=False, sync=False)
            task = self._tasks.find(row.task_id)
            if model is None:
                return False
            # Owners are most of those who are inside: the hub is asked once for them.
            if Principal.from_model(model).may("access:servers", task.user, task.server_name):
                return True
            principal = await self._principals.of(model, renew=True)
        except (NotFound, InvalidToken):
            # The task is gone; or the secret file is another one, so nobody can ask for this login.
            return False
        except (HTTPError, HubUnavailable) as error:
            log.warning("a session could not be checked: %s", error)
            return None
        return principal.may("access:servers", task.user, task.server_name)
