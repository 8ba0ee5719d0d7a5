"""The build packs of repo2docker, which do what Binder does: conda, R, Julia, Nix, …."""

import base64
import binascii
import json
import logging
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from rosetta_hub.builds.confined import (
    ChildAccount,
    ConfinedOverflow,
    ConfinedTimeout,
    Confinement,
    build_limits,
    run_confined,
)
from rosetta_hub.builds.errors import RecipeRefused
from rosetta_hub.builds.recipe_settings import RecipeSettings
from rosetta_hub.builds.recipe_types import Recipe

log = logging.getLogger(__name__)

# Seconds; some packs ask hosts on the internet for versions.
TIMEOUT = 120.0
SOURCE = "src"
_CHILD = Path(__file__).with_name("repo2docker_child.py")


def version() -> str:
    """The version of repo2docker; empty where it is not installed."""
    try:
        return installed_version("jupyter-repo2docker")
    except PackageNotFoundError:
        return ""


async def make_recipe(
    folder: Path, settings: RecipeSettings, account: ChildAccount | None
) -> Recipe:
    """The Dockerfile that repo2docker makes for a repository.

    It reads the repository in a child process, without the service's environment and with the
    rights of `account`.

    Raises:
        RecipeRefused: it can't make one; the message has its reason.
    """
    confinement = Confinement(account, TIMEOUT)
    order = json.dumps(build_limits(confinement))
    command = [sys.executable, "-I", str(_CHILD), order, settings.repo2docker_base_image]
    try:
        # It gives up its rights itself, when it has imported what it needs.
        finished = await run_confined(
            command, confinement, folder=folder, environment={"HOME": "/nonexistent"}, own=True
        )
    except ConfinedTimeout as error:
        raise RecipeRefused("repo2docker takes too long to read the repository.") from error
    except ConfinedOverflow as error:
        raise RecipeRefused("repo2docker's recipe is too large.") from error
    try:
        return _read(json.loads(finished.output))
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        log.warning("repo2docker failed: %s", finished.errors[-500:].decode("utf-8", "replace"))
        raise RecipeRefused("repo2docker can't read the repository.") from error


def _read(document: Any) -> Recipe:
    if "error" in document:
        text = "".join(char if char.isprintable() else " " for char in str(document["error"]))
        raise RecipeRefused(f"repo2docker can't make a recipe: {text}")
    pack = str(document["pack"])
    return Recipe(
        "repo2docker",
        f"{version()}-{pack}",
        str(document["dockerfile"]),
        base_image=str(document["base_image"]),
        source_path=SOURCE,
        files={
            str(name): base64.b64decode(data, validate=True)
            for name, data in document["files"].items()
        },
        build_args={str(name): str(value) for name, value in document["build_args"].items()},
        interface_auth="jupyter",
    )
