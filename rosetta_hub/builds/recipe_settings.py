"""The part of `c.Rosetta.builds` that says how images are made of repositories."""

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from rosetta_hub.catalogue.validation import Entry, pattern

PackName = Literal["dockerfile", "pip", "repo2docker"]

DEFAULT_PACKS: tuple[PackName, ...] = ("dockerfile", "pip", "repo2docker")

# It stands in a Dockerfile.
_IMAGE_PATTERN = pattern(r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$", "use the name of an image")
_OPTIONAL_IMAGE_PATTERN = pattern(r"^$|^[A-Za-z0-9][A-Za-z0-9._:/@-]*$", "use the name of an image")
_PYTHON_PATTERN = pattern(r"^3\.[0-9]{1,2}$", "use two numbers, as in '3.11'")
_WITH_PASSWORD = re.compile(rb"://[^/\s@]*:[^/\s@]*@")


class RecipeSettings(Entry):
    """Which build packs are tried, in which order, and what they build on.

    The first pack that recognises the repository is used. `base_image` is for the pack `pip`:
    Debian or Ubuntu, with or without Python; `base_python` is the version that it has. An empty
    `repo2docker_base_image` means repo2docker's own. `image_files` are files of the site which the
    pack `pip` puts into each image before anything is installed, by their path there:
    {"/etc/pip.conf": "/srv/pip.conf"}. Packages come from the site's mirrors then. Whoever may use
    an image can read them.
    """

    buildpacks: tuple[PackName, ...] = Field(default=DEFAULT_PACKS, min_length=1)
    base_image: str = Field(default="debian:bookworm-slim", pattern=_IMAGE_PATTERN)
    base_python: str = Field(default="3.11", pattern=_PYTHON_PATTERN)
    repo2docker_base_image: str = Field(default="", pattern=_OPTIONAL_IMAGE_PATTERN)
    image_files: dict[str, str] = {}

    @field_validator("image_files")
    @classmethod
    def _check_files(cls, files: dict[str, str]) -> dict[str, str]:
        for target, path in files.items():
            if not target.startswith("/") or ".." in Path(target).parts or re.search(r"\s", target):
                raise ValueError(f"{target!r} is not an absolute path within an image")
            try:
                text = Path(path).read_bytes()
            except OSError as error:
                raise ValueError(f"{path} can't be read: {error.strerror}") from error
            if _WITH_PASSWORD.search(text):
                raise ValueError(
                    f"{path} holds an address with a password, which everybody who may use an image"
                    " could read"
                )
        return files
