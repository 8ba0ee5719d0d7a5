"""Names of the hub's servers, made from what people call their tasks."""

import re
import secrets

_OTHER = re.compile(r"[^a-z0-9]+")


def new_server_name(title: str) -> str:
    """A server name that is valid in URLs and host names, and not taken: `casa-x3f9a`."""
    slug = _OTHER.sub("-", title.lower()).strip("-")[:30] or "task"
    return f"{slug}-{secrets.token_hex(3)}"
