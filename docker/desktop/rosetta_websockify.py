"""Basic authentication for websockify, with the password of the environment."""

from __future__ import annotations

import base64
import hmac
import os
from email.message import Message

from websockify.auth_plugins import AuthenticationError

USER = "metauser"


class BasicAuth:
    """Refuses pages and WebSockets without the user ``metauser`` and the password AUTH_PASS.

    websockify's own plugin takes the password as an argument of the command line, where everybody
    on the machine can read it.
    """

    def __init__(self, source: str | None = None) -> None:
        del source  # websockify passes --auth-source, which isn't used
        credentials = f"{USER}:{os.environ.pop('AUTH_PASS')}"
        self._expected = "Basic " + base64.b64encode(credentials.encode()).decode()

    def authenticate(self, headers: Message, target_host: str, target_port: int) -> None:
        """Raises AuthenticationError when the request may not pass."""
        offered = headers.get("Authorization", "")
        if not hmac.compare_digest(offered.encode(), self._expected.encode()):
            raise AuthenticationError(
                response_code=401,
                response_msg="Wrong user or password",
                response_headers={"WWW-Authenticate": 'Basic realm="Rosetta task", charset="UTF-8"'},
            )
