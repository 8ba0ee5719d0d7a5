"""A cookie by which a browser is known to have been logged in to an account before."""

import json
import secrets
from typing import Any

from rosetta_hub.database.models_local import Password
from rosetta_hub.keys import digest

COOKIE = "rosetta-known-browser"
DAYS = 180
# Accounts of one browser; the oldest is forgotten.
MOST = 4


def known_as(handler: Any, account: Password) -> str | None:
    """What identifies the browser, if it was logged in since the account's last new password."""
    browser = _read(handler)
    return str(browser["id"]) if _mark(account) in browser["accounts"] else None


def remember(handler: Any, account: Password) -> None:
    """Have the browser known from now on."""
    browser, mark = _read(handler), _mark(account)
    others = [other for other in browser["accounts"] if other != mark]
    value = {"id": browser["id"], "accounts": [*others, mark][-MOST:]}
    handler.set_secure_cookie(
        COOKIE,
        json.dumps(value),
        expires_days=DAYS,
        path=handler.hub.base_url,
        httponly=True,
        samesite="Lax",
        secure=handler.request.protocol == "https",
    )


def _read(handler: Any) -> dict[str, Any]:
    # Signed by the hub: whatever is in it is ours.
    cookie = handler.get_secure_cookie(COOKIE, max_age_days=DAYS)
    if cookie is None:
        return {"id": secrets.token_hex(16), "accounts": []}
    value: dict[str, Any] = json.loads(cookie)
    return value


def _mark(account: Password) -> str:
    return digest(f"{account.id} {account.changed.isoformat()}")[:32]
