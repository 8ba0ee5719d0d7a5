"""Parts of uploads that are cut back, because their end has come damaged."""

import pytest

from rosetta_hub.errors import FilesError
from rosetta_hub.files.session import FilesSession

from .helpers import chunks, read_all

UPLOAD = "0123456789abcdef"


async def test_the_end_of_a_part_is_dropped(session: FilesSession) -> None:
    await session.part_create(b"x", UPLOAD, 6)
    await session.part_write(b"x", UPLOAD, 0, chunks(b"abc", b"???"))
    assert (await session.part_truncate(b"x", UPLOAD, 3)).offset == 3
    with pytest.raises(FilesError) as refused:
        await session.part_truncate(b"x", UPLOAD, 4)
    assert refused.value.code == "changed"
    assert (await session.part_write(b"x", UPLOAD, 3, chunks(b"def"))).offset == 6
    await session.part_finish(b"x", UPLOAD)
    assert await read_all(session, b"x") == b"abcdef"


async def test_there_must_be_a_part(session: FilesSession) -> None:
    with pytest.raises(FilesError) as refused:
        await session.part_truncate(b"x", UPLOAD, 0)
    assert refused.value.code == "not_found"
