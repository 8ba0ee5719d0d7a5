"""When the hub's account at an API server of Kubernetes has become another one."""

import logging
from collections.abc import Callable, Mapping

from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.kubernetes.api_server import ApiServer

log = logging.getLogger(__name__)


class ApiAccounts:
    """Tokens are rotated and certificates replaced in files while tasks run.

    `find_servers` tell the server and account that count now, by the id of the computing resource.
    """

    def __init__(self, find_servers: Mapping[str, Callable[[], ApiServer]]) -> None:
        self._find_servers = find_servers
        self._known: dict[str, ApiServer] = {}

    def have_changed(self) -> bool:
        """Whether one of them is another one than at the last call."""
        # All are looked at: each is remembered.
        changed = [name for name in self._find_servers if self._has_changed(name)]
        return bool(changed)

    def _has_changed(self, name: str) -> bool:
        try:
            server = self._find_servers[name]()
        except ResourceUnavailable:
            # Its file is being written, or is wrong: whoever asks the server says so.
            return False
        previous = self._known.get(name)
        self._known[name] = server
        if previous is None or previous == server:
            return False
        log.info("%s: there is another account, or another address, of its API server", name)
        return True
