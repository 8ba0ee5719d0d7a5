"""Names of the hub's servers, made from what people call their tasks."""

import re
import secrets

_OTHER = re.compile(r"[^a-z0-9]+")


def new_server_name(title: str) -> str:
    """A server name that the hub accepts, and that is not taken: `casa-x3f9a`.

    JupyterHub 6 wants at most 30 lowercase letters, digits and single hyphens, a letter first
    (jupyterhub/slugs.py).
    """
    slug = _OTHER.sub("-", title.lower()).strip("-")
    if not slug[:1].isalpha():
        slug = f"task-{slug}"
    return f"{slug[:23].strip('-')}-{secrets.token_hex(3)}"
