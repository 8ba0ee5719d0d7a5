"""The service, as the hub's authenticator uses it."""

import json
import logging
from urllib.parse import quote

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from rosetta_hub.config import Rosetta
from rosetta_hub.keys import Keys

log = logging.getLogger(__name__)

# Seconds.
TIMEOUT = 10


class LoginServiceClient:
    """Calls with the key of the hub's spawners."""

    def __init__(self, settings: Rosetta, keys: Keys) -> None:
        self._url = settings.service_url.rstrip("/") + settings.service_prefix
        self._key = keys.spawner_key

    async def end_sessions(self, user: str, api_tokens: bool) -> None:
        """Have the service end what it has of a user's sessions.

        A service that is down asks the hub about each session when it is back: the tokens that the
        sessions came with are void, so they end within a minute.
        """
        request = HTTPRequest(
            f"{self._url}hub/users/{quote(user, safe='')}/sessions/end",
            "POST",
            headers={
                "Authorization": f"Rosetta-Hub {self._key}",
                "Content-Type": "application/json",
            },
            body=json.dumps({"api_tokens": api_tokens}),
            connect_timeout=TIMEOUT / 2,
            request_timeout=TIMEOUT,
        )
        try:
            await AsyncHTTPClient().fetch(request)
        except (HTTPClientError, OSError) as error:
            log.warning("the service does not end the sessions of %s: %s", user, error)
