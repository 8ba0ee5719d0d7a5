"""From the files of a repository to the Dockerfile that makes an image of it."""

import asyncio
import hashlib
import os
import shutil
from pathlib import Path, PurePosixPath

from rosetta_hub.builds import dockerfile_pack, pip_pack, repo2docker_pack
from rosetta_hub.builds.confined import find_account
from rosetta_hub.builds.errors import RecipeRefused
from rosetta_hub.builds.recipe_files import BuildFiles
from rosetta_hub.builds.recipe_settings import RecipeSettings
from rosetta_hub.builds.recipe_types import Recipe

__all__ = ["Recipe", "make_recipe", "packs_version", "write_context"]


async def make_recipe(folder: Path, settings: RecipeSettings, account: str = "nobody") -> Recipe:
    """The recipe of the first build pack that recognises the repository in `folder`.

    `account` reads it where the service is root and repo2docker is used.

    Raises:
        RecipeRefused: its build files can't be used, or no pack takes it.
    """
    files = await asyncio.to_thread(BuildFiles, folder)
    for pack in settings.buildpacks:
        if pack == "dockerfile" and dockerfile_pack.recognises(files):
            return dockerfile_pack.make_recipe(files)
        if pack == "pip" and pip_pack.recognises(files, settings):
            return pip_pack.make_recipe(files, settings)
        # repo2docker has a pack for Dockerfiles, too; the site has left out ours.
        is_repo2docker = pack == "repo2docker" and not dockerfile_pack.recognises(files)
        if is_repo2docker and repo2docker_pack.version():
            return await repo2docker_pack.make_recipe(folder, settings, find_account(account))
    raise _not_recognised(files, settings)


def _not_recognised(files: BuildFiles, settings: RecipeSettings) -> RecipeRefused:
    if files.has("Dockerfile"):
        return RecipeRefused("Images are not made of Dockerfiles here.")
    if need := pip_pack.foreign_needs(files):
        return RecipeRefused(
            f"The repository needs {need}, which images are not made with here. Use"
            " requirements.txt and apt.txt instead, or a Dockerfile."
        )
    if "pip" in settings.buildpacks:
        return pip_pack.wrong_python(files, settings)
    return RecipeRefused("The repository has no Dockerfile, and images are made of nothing else.")


def packs_version(settings: RecipeSettings) -> str:
    """Changes whenever the same commit would give another recipe: part of the key of a build."""
    versions = {
        "dockerfile": lambda: dockerfile_pack.VERSION,
        "pip": lambda: f"{settings.base_image} {pip_pack.version(settings)}",
        "repo2docker": lambda: f"{settings.repo2docker_base_image} {repo2docker_pack.version()}",
    }
    lines = [f"{pack} {versions[pack]()}\n" for pack in settings.buildpacks]
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def write_context(recipe: Recipe, checkout: Path, context: Path) -> None:
    """Move the repository's files into `context`, an empty directory, and add the recipe's.

    All times are those of the checkout, so that builders find the layers of the same files again.
    """
    source = context / recipe.source_path
    source.mkdir(parents=True, exist_ok=True)
    time = checkout.stat().st_mtime
    for name in os.listdir(checkout):
        shutil.move(checkout / name, source / name)
    for name, data in recipe.files.items():
        _write(context, name, data, time)
    # A Dockerfile of the repository is there already, perhaps as a link.
    if recipe.pack != "dockerfile":
        _write(context, recipe.dockerfile_path, recipe.dockerfile.encode(), time)
    os.utime(source, (time, time))


def _write(context: Path, name: str, data: bytes, time: float) -> None:
    path = context / PurePosixPath(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o755 if data.startswith(b"#!") else 0o644)
    while path != context:
        os.utime(path, (time, time))
        path = path.parent
