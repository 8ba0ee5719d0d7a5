"""Watches how much a directory takes while a program writes to it."""

import asyncio
import os
import time
from pathlib import Path

from rosetta_hub.builds.errors import CheckoutRefused
from rosetta_hub.catalogue.units import format_size

# Seconds between two looks; a look takes at most a fifth of the time.
INTERVAL = 0.3
_SHARE = 5


class DiskWatch:
    """Bounds the bytes on the disk below a directory, and how many files there are."""

    def __init__(self, folder: Path, size: int, files: int) -> None:
        self._folder = folder
        self._size = size
        self._files = files

    async def run(self) -> None:
        """Look again and again, until it is cancelled.

        Raises:
            CheckoutRefused: there is too much.
        """
        while True:
            began = time.monotonic()
            await self.check()
            await asyncio.sleep(max(INTERVAL, _SHARE * (time.monotonic() - began)))

    async def check(self) -> None:
        """Look once.

        Raises:
            CheckoutRefused: there is too much.
        """
        size, files = await asyncio.to_thread(self._measure)
        if size > self._size:
            raise self.too_large()
        if files > self._files:
            raise self.too_many()

    def too_large(self) -> CheckoutRefused:
        """What the user is told about the size."""
        return CheckoutRefused(
            f"The repository takes more than {format_size(self._size)}, which is the limit. Keep"
            " large data elsewhere, and mount it or download it in the task."
        )

    def too_many(self) -> CheckoutRefused:
        """What the user is told about the number of files."""
        return CheckoutRefused(
            f"The repository has more than {self._files:,} files and directories, which is the"
            " limit."
        )

    def _measure(self) -> tuple[int, int]:
        """Bytes and files, as far as they have been counted when there is too much."""
        size = files = 0
        folders = [str(self._folder)]
        while folders and size <= self._size and files <= self._files:
            try:
                with os.scandir(folders.pop()) as entries:
                    for entry in entries:
                        size += entry.stat(follow_symlinks=False).st_blocks * 512
                        files += 1
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
            except FileNotFoundError:
                # git renames and removes files meanwhile.
                continue
        return size, files
