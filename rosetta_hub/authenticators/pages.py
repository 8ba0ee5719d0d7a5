"""What pages of logins have in common: their headers, and when a browser has signed in last.

What is hard to undo asks for a sign-in that was lately.
"""

import json
import time
from typing import Any

from jupyterhub.handlers.base import BaseHandler

COOKIE = "rosetta-signed-in"
# Seconds.
LATELY = 600
_DAY = 86400


class PrivatePage(BaseHandler):
    """A page of which nothing is cached, or leaks by a referrer."""

    def set_default_headers(self) -> None:
        """Headers of every answer."""
        super().set_default_headers()
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")


def note_sign_in(handler: Any, user: str) -> None:
    """Remember in the browser that the user has signed in now."""
    value = json.dumps({"user": user, "time": int(time.time())})
    handler._set_cookie(
        COOKIE, value, expires_days=LATELY / _DAY, path=handler.hub.base_url, samesite="Lax"
    )


def has_signed_in_lately(handler: Any, user: Any) -> bool:
    """Whether this browser has signed in as the user within the last ten minutes."""
    value = handler.get_secure_cookie(COOKIE, max_age_days=LATELY / _DAY)
    if value is None:
        return False
    content = json.loads(value)
    return bool(content["user"] == user.name and time.time() - content["time"] < LATELY)
