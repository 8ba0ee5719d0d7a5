"""When a browser has proved last whose it is: what is hard to undo asks for it to be lately."""

import json
import time
from typing import Any

COOKIE = "rosetta-signed-in"
# Seconds.
LATELY = 600
_DAY = 86400


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
