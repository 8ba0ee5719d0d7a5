"""Fetches a file from an address into a storage."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from rosetta_hub.addresses import AddressGuard
from rosetta_hub.catalogue.units import format_duration
from rosetta_hub.config import Rosetta
from rosetta_hub.copies.http_source import FetchRefused, HttpSource
from rosetta_hub.copies.progress import CopyProgress, Totals
from rosetta_hub.copies.session_lender import Lender


class Fetcher:
    """Fetches as the configuration allows."""

    def __init__(self, settings: Rosetta) -> None:
        guard = AddressGuard(settings.fetch_networks)
        self._source = HttpSource(guard, settings.fetch_plain_http, settings.fetch_limit)
        self._timeout = settings.fetch_timeout

    async def fetch(self, url: str, lender: Lender, target: bytes, progress: CopyProgress) -> None:
        """Write what is behind the address to a path of the target, all of it or nothing.

        Raises:
            RequestFailed: it can't be fetched, and why.
            FilesError, StorageUnavailable: it can't be written.
        """
        try:
            async with asyncio.timeout(self._timeout):
                await self._fetch(url, lender, target, progress)
        except TimeoutError as error:
            limit = format_duration(self._timeout)
            raise FetchRefused(f"The file did not arrive within {limit}.") from error
        progress.file_done()

    async def _fetch(self, url: str, lender: Lender, target: bytes, progress: CopyProgress) -> None:
        async with self._source.open(url) as response:
            if response.length is not None:
                progress.total = Totals(response.length, 1)
            counted = _counted(response.chunks, progress)
            async with aclosing(counted), lender.write() as session:
                await session.write(target, counted)


async def _counted(
    chunks: AsyncIterator[bytes], progress: CopyProgress
) -> AsyncGenerator[bytes, None]:
    async for chunk in chunks:
        yield chunk
        progress.moved(len(chunk))
