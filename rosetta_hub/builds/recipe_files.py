"""Reads the build files of a repository: small texts within it, and nothing else."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from rosetta_hub.builds.errors import RecipeRefused

# Bytes of a build file.
MAX_SIZE = 1 << 20
BINDER_FOLDERS = ("binder", ".binder")


class BuildFiles:
    """The build files of a checkout: those in `binder/` or `.binder/`, or else at the top.

    Raises:
        RecipeRefused: it has both directories.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        present = [name for name in BINDER_FOLDERS if self._mode(name, stat.S_ISDIR)]
        if len(present) > 1:
            raise RecipeRefused(
                "The repository has both the directories binder and .binder. Keep one of them."
            )
        self.binder_folder = present[0] if present else ""

    def path(self, name: str) -> str:
        """Where a build file is, relative to the repository."""
        return f"{self.binder_folder}/{name}" if self.binder_folder else name

    def has(self, name: str) -> bool:
        """Whether there is such a build file."""
        return self._mode(self.path(name), stat.S_ISREG)

    def has_at_top(self, name: str) -> bool:
        """Whether there is such a file for a repository without a directory for build files."""
        return not self.binder_folder and self.has(name)

    def read(self, name: str) -> str:
        """The text of a build file; empty where there is none.

        Raises:
            RecipeRefused: it is no text, or too large.
        """
        path = self.path(name)
        if not self.has(name):
            return ""
        with self._real_path(path).open("rb") as file:
            data = file.read(MAX_SIZE + 1)
        if len(data) > MAX_SIZE:
            raise RecipeRefused(f"{path} is larger than {MAX_SIZE >> 20} MB.")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise RecipeRefused(f"{path} is not a text in UTF-8.") from error
        if "\0" in text:
            raise RecipeRefused(f"{path} is not a text.")
        return text

    def _mode(self, path: str, is_kind: Callable[[int], bool]) -> bool:
        """Whether a path is of a kind. Links within the repository are followed, and no others."""
        real = self._real_path(path)
        if not real.is_relative_to(os.path.realpath(self._folder)):
            return False
        try:
            return is_kind(real.lstat().st_mode)
        except OSError:
            return False

    def _real_path(self, path: str) -> Path:
        return Path(os.path.realpath(self._folder / path))
