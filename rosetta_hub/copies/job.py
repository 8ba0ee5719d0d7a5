"""One copy from its beginning to its end, which may take several runs of the service."""

import asyncio
import contextlib
import time
from functools import partial

from rosetta_hub.background import spawn
from rosetta_hub.catalogue.storage_paths import decode_path, encode_path, join_path
from rosetta_hub.copies.fetch import Fetcher
from rosetta_hub.copies.progress import CopyProgress, describe_end
from rosetta_hub.copies.records import CopyRecords, owner_of
from rosetta_hub.copies.session_lender import Lender, SessionOpener, Slots
from rosetta_hub.copies.transfer import Piped, SameStorage, Transfer
from rosetta_hub.copies.tree import CopyFailed, TreeCopy
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_copies import Copy, CopyState
from rosetta_hub.errors import FilesError, NotFound, Unavailable, UserError

# Seconds between two writes of the progress.
INTERVAL = 2.0
# Seconds that a cancelled copy waits for its target to remove a part file; the storage does so
# by itself some days later.
CLEANUP_TIMEOUT = 60.0


class CopyJobs:
    """Works on copies, one call of `work` each."""

    def __init__(self, records: CopyRecords, access: SessionOpener, fetcher: Fetcher) -> None:
        self._records = records
        self._access = access
        self._fetcher = fetcher
        self._slots = Slots()

    async def work(self, copy: Copy) -> None:
        """Bring a copy to its end.

        Raises:
            Unavailable: a storage does not answer: call again later.
            NotFound: the row was removed.
        """
        if copy.cancelling:
            await self._clean_up(copy)
            self._end(copy, CopyState.CANCELLED, "Cancelled. What had arrived is kept.")
            return
        copy = self._records.update(copy.id, _begin)
        progress = CopyProgress()
        reporter = spawn(self._report(copy, progress), f"progress of copy {copy.id}")
        try:
            await self._copy(copy, progress)
        except (CopyFailed, UserError) as error:
            await self._clean_up(copy)
            self._end(copy, CopyState.FAILED, str(error), progress)
        else:
            state = CopyState.FAILED if progress.failed else CopyState.DONE
            self._end(copy, state, describe_end(progress), progress)
        finally:
            reporter.cancel()

    async def _copy(self, copy: Copy, progress: CopyProgress) -> None:
        lender = self._lender(copy)
        folder = decode_path(copy.target_path)
        if copy.stage is not None and folder:
            async with lender.look_at_target() as session:
                await session.mkdir(folder, parents=True)
        if not copy.source_storage:
            target = join_path(folder, decode_path(copy.target_names[0]))
            await self._fetcher.fetch(copy.source_paths[0], lender, target, progress)
            return
        pairs = [
            (decode_path(path), join_path(folder, decode_path(name)))
            for path, name in zip(copy.source_paths, copy.target_names, strict=True)
        ]
        tree = TreeCopy(lender, self._transfer(copy, lender, progress), progress, copy.conflict)
        await tree.run(pairs)

    def _transfer(self, copy: Copy, lender: Lender, progress: CopyProgress) -> Transfer:
        if copy.source_storage == copy.target_storage:
            return SameStorage(lender, progress)

        def remember(path: bytes, upload: str) -> None:
            def change(row: Copy) -> None:
                row.part_path, row.part_upload = encode_path(path), upload

            self._records.update(copy.id, change)

        return Piped(lender, progress, copy.id, remember)

    def _lender(self, copy: Copy) -> Lender:
        user = owner_of(copy)
        return Lender(self._access, user, copy.source_storage, copy.target_storage, self._slots)

    async def _clean_up(self, copy: Copy) -> None:
        """Remove the part file of a copy that does not go on."""
        copy = self._records.find(copy.id)
        if copy.part_path is None or copy.part_upload is None:
            return
        with contextlib.suppress(FilesError, NotFound, Unavailable, TimeoutError):
            async with (
                asyncio.timeout(CLEANUP_TIMEOUT),
                self._lender(copy).look_at_target() as session,
            ):
                await session.part_remove(decode_path(copy.part_path), copy.part_upload)

    async def _report(self, copy: Copy, progress: CopyProgress) -> None:
        """Write the progress again and again."""
        while True:
            rate = progress.rate(time.monotonic())
            with contextlib.suppress(NotFound, Unavailable):
                self._records.update(copy.id, partial(progress.write, rate=rate))
            await asyncio.sleep(INTERVAL)

    def _end(
        self, copy: Copy, state: CopyState, message: str, progress: CopyProgress | None = None
    ) -> None:
        def end(row: Copy) -> None:
            if progress is not None:
                progress.write(row, None)
            row.state, row.message, row.ended, row.rate = state, message, utc_now(), None

        self._records.update(copy.id, end)


def _begin(copy: Copy) -> None:
    copy.state, copy.message = CopyState.RUNNING, ""
    copy.started = copy.started or utc_now()
