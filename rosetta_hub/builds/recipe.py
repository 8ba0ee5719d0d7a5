"""From the files of a repository to the Dockerfile that makes an image of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rosetta_hub.builds.errors import RecipeRefused
from rosetta_hub.builds.recipe_settings import PackName, RecipeSettings


@dataclass(frozen=True)
class Recipe:
    """How an image is made, and how what it starts is reached.

    `write_context` lays the files out: `source_path` is where the repository goes, relative to the
    context ("" = the context itself), `files` are added to it. `dockerfile` is written to
    `dockerfile_path`, relative to the context, for the engine's option `--file`. `base_image` is
    empty where the repository's own Dockerfile names it. `version` changes whenever the same files
    would give another Dockerfile.
    """

    pack: PackName
    version: str
    dockerfile: str
    base_image: str = ""
    dockerfile_path: str = "Dockerfile"
    source_path: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    build_args: Mapping[str, str] = field(default_factory=dict)
    port: int = 8888
    interface_auth: Literal["jupyter", "none"] = "none"
    command: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


async def make_recipe(folder: Path, settings: RecipeSettings) -> Recipe:
    """The recipe of the first build pack that recognises the repository in `folder`.

    Raises:
        RecipeRefused: its build files can't be used, or no pack takes it.
    """
    raise RecipeRefused("Images can't be made of repositories yet.")


def write_context(recipe: Recipe, checkout: Path, context: Path) -> None:
    """Move the repository's files into `context`, an empty directory, and add the recipe's."""
    raise RecipeRefused("Images can't be made of repositories yet.")


def packs_version(settings: RecipeSettings) -> str:
    """Changes whenever the same commit would give another recipe: part of the key of a build."""
    raise RecipeRefused("Images can't be made of repositories yet.")
