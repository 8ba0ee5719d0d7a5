"""Builds of repositories with this machine's Docker, for the nodes of a cluster."""

from typing import Any

from tests.support.git_server import GitServer

from .hub import JUPYTER
from .private_images import PrivateImages

# As this machine has it.
BASE = f"{JUPYTER['image_name']}:{JUPYTER['image_tag']}"


def builds_configuration(repositories: GitServer, images: PrivateImages) -> str:
    """How the hub is told to build them, and to push what it built to the private registry."""
    settings: dict[str, Any] = {
        **repositories.settings(),
        "engine": "docker",
        "registry": f"{images.host}/builds",
        "base_image": BASE,
        "buildpacks": ["dockerfile"],
        "allow_weaker": ["network", "processes", "memory", "disk"],
    }
    return f"c.Rosetta.builds = {settings!r}\n"
