"""A storage that does not answer says so, and nothing else waits for it."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Site


def children() -> set[int]:
    """The processes that this one has started."""
    text = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text()
    return {int(number) for number in text.split()}


@contextlib.contextmanager
def frozen(processes: set[int]) -> Iterator[None]:
    """Programs that do not answer, as when their file system does not."""
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    yield
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)


@pytest.fixture
def soon(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadline that tests can wait for."""
    monkeypatch.setattr(site.services.files, "_answer_timeout", 3.0)


@pytest.mark.usefixtures("soon")
async def test_a_storage_that_does_not_answer(site: Site) -> None:
    before = children()
    assert (await site.call("GET", "home/list/"))[0] == 200
    assert (await site.call("GET", "data/list/"))[0] == 200
    of_home = min(children() - before)
    (site.folder / "data" / "x").write_bytes(b"1")
    with frozen({of_home}):
        asking = asyncio.create_task(site.call("GET", "home/list/"))
        # Another storage, and the same one of another user.
        assert (await site.fetch("GET", "data/file/x")).body == b"1"
        assert (await site.call("GET", "home/list/", token="bob"))[0] == 200
        status, answer = await asking
        assert (status, "does not answer" in answer["detail"]) == (503, True)
        # It gets another channel at once.
        assert (await site.call("GET", "home/list/"))[0] == 200


@pytest.mark.usefixtures("soon")
async def test_a_program_that_is_killed(site: Site) -> None:
    before = children()
    (site.home / "a").write_bytes(b"1")
    assert (await site.call("GET", "home/list/"))[0] == 200
    for process in children() - before:
        os.kill(process, signal.SIGKILL)
    answers = [await site.call("GET", "home/list/") for _ in range(2)]
    assert answers[-1][0] == 200
    assert answers[0][0] in (200, 503)


async def test_a_directory_that_is_removed_meanwhile(site: Site) -> None:
    assert (await site.call("GET", "data/list/"))[0] == 200
    (site.folder / "data").rmdir()
    status, answer = await site.call("GET", "data/list/")
    assert (status, answer["total"] if status == 200 else answer["code"]) in (
        (404, "not_found"),
        (503, "stale"),
        (200, 0),
    )
