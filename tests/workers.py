"""Runs tests in several processes that share one collection: `--workers=COUNT`.

Collecting the inner ring takes seconds of processor time: all modules are imported. pytest-xdist
spends them in each of its workers, and as much again on messages. Here the process that has
collected forks, so that its workers begin with all modules imported.

Workers take chunks of tests from a pipe until it is empty, and send the reports of each test.
"""

import itertools
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

import pytest

# Most tests of a chunk. They are of one module, and share what it sets up; small chunks let all
# workers end at the same time.
CHUNK_SIZE = 10
# Bytes of a chunk's number in the pipe, which holds 64 KiB.
NUMBER_SIZE = 4

# A report as pytest prepares it for sending.
SentReport = dict[str, Any]


class WorkerDied(Exception):
    """A worker has ended although it was in the middle of no test."""


class Worker:
    """A process that runs tests, as its parent sees it."""

    def __init__(
        self, session: pytest.Session, chunks: Sequence[range], numbers: int, others: list["Worker"]
    ) -> None:
        context = multiprocessing.get_context("fork")
        self.connection, sender = context.Pipe(duplex=False)
        inherited = [self.connection, *(other.connection for other in others)]
        self._process = context.Process(
            target=_work, args=(session, _take(chunks, numbers), sender, inherited)
        )
        self._process.start()
        sender.close()
        # The test that it runs now, by its index in the collection.
        self.index: int | None = None

    def join(self) -> int | None:
        """The exit status. Without connection a worker ends after its present test."""
        self.connection.close()
        self._process.join()
        return self._process.exitcode


def run_tests(session: pytest.Session, count: int) -> bool:
    """Run the collected tests in this many processes; False: pytest runs them itself.

    Raises:
        pytest.Session.Failed: there were as many failures as `--maxfail` allows.
        WorkerDied: some tests have not been run.
    """
    if not count or session.testsfailed or session.config.option.collectonly:
        return False
    # Workers make their temporary directories in this one.
    session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
    if reporter := session.config.pluginmanager.get_plugin("terminalreporter"):
        # Results of several modules alternate: no line for each change.
        reporter.showfspath = False
    chunks = split_chunks(session.items)
    numbers = _offer(len(chunks))
    workers: list[Worker] = []
    for _ in range(count):
        workers.append(Worker(session, chunks, numbers, workers))
    os.close(numbers)
    try:
        _receive(session, workers)
    finally:
        for worker in workers:
            worker.connection.close()
        for worker in workers:
            worker.join()
    return True


def split_chunks(items: Sequence[pytest.Item]) -> list[range]:
    """Indexes of consecutive tests of one module, at most CHUNK_SIZE in a chunk."""
    chunks = []
    for _, group in itertools.groupby(range(len(items)), lambda index: items[index].path):
        module = list(group)
        first, last = module[0], module[-1]
        chunks += [
            range(start, min(start + CHUNK_SIZE, last + 1))
            for start in range(first, last + 1, CHUNK_SIZE)
        ]
    return chunks


def _offer(count: int) -> int:
    """A pipe with the numbers of all chunks, each of which one worker reads."""
    reader, writer = os.pipe()
    numbers = b"".join(number.to_bytes(NUMBER_SIZE, "big") for number in range(count))
    assert os.write(writer, numbers) == len(numbers)
    os.close(writer)
    return reader


def _take(chunks: Sequence[range], numbers: int) -> Iterator[int]:
    """Indexes of the tests that one worker runs."""
    while number := os.read(numbers, NUMBER_SIZE):
        yield from chunks[int.from_bytes(number, "big")]


def _receive(session: pytest.Session, workers: Sequence[Worker]) -> None:
    """Report what the workers send, until all have ended."""
    working = {worker.connection: worker for worker in workers}
    while working:
        for connection in wait(list(working)):
            worker = working[connection]  # type: ignore[index]
            try:
                _receive_message(session, worker, worker.connection.recv())
            except EOFError:
                del working[worker.connection]
                _finish(session, worker)


def _receive_message(
    session: pytest.Session, worker: Worker, message: int | list[SentReport]
) -> None:
    """The index of a test that begins, or the reports of one that has ended."""
    if isinstance(message, int):
        worker.index = message
        return
    worker.index = None
    hook, config = session.config.hook, session.config
    for data in message:
        _log(session, hook.pytest_report_from_serializable(config=config, data=data))


def _finish(session: pytest.Session, worker: Worker) -> None:
    """See how a worker has ended.

    Raises:
        WorkerDied: by an error of its own.
    """
    status = worker.join()
    if worker.index is not None:
        item = session.items[worker.index]
        text = f"The process that ran this test has ended with status {status}."
        _log(session, pytest.TestReport(item.nodeid, item.location, {}, "failed", text, "call"))
    elif status != 0:
        raise WorkerDied(f"A process that ran tests has ended with status {status}.")


def _log(session: pytest.Session, report: pytest.TestReport) -> None:
    session.config.hook.pytest_runtest_logreport(report=report)
    if session.shouldfail:
        raise session.Failed(session.shouldfail)


# --- in the workers ------------------------------------------------------------------------------


class Reports:
    """Collects the reports of a test."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._reports: list[SentReport] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Prepare it for sending."""
        hook = self._config.hook
        self._reports.append(hook.pytest_report_to_serializable(config=self._config, report=report))

    def take(self) -> list[SentReport]:
        """Those since the last call."""
        reports, self._reports = self._reports, []
        return reports


def _work(
    session: pytest.Session,
    indexes: Iterator[int],
    connection: Connection,
    inherited: Sequence[Connection],
) -> None:
    """Run tests until none is left, or the parent has closed its end of the connection."""
    for other in inherited:
        other.close()
    _separate_output(session.config)
    reports = Reports(session.config)
    session.config.pluginmanager.register(reports)
    try:
        for index, following in itertools.pairwise(itertools.chain(indexes, [None])):
            connection.send(index)
            session.config.hook.pytest_runtest_protocol(
                item=session.items[index],  # type: ignore[index]
                nextitem=None if following is None else session.items[following],
            )
            connection.send(reports.take())
    except (BrokenPipeError, KeyboardInterrupt):
        # What fixtures have started ends with them.
        session._setupstate.teardown_exact(None)


def _separate_output(config: pytest.Config) -> None:
    """Print nothing, and capture what tests print in a file of this worker's own."""
    config.pluginmanager.unregister(name="terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")
    if capture is not None:
        capture.stop_global_capturing()
        capture.start_global_capturing()
        capture.suspend_global_capture(in_=True)
