"""Inputs of a task are fetched before it starts, its outputs stored after it has ended."""

from collections.abc import Sequence

from sqlalchemy import delete
from sqlalchemy.orm import Session

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.catalogue.options import TaskSpec
from rosetta_hub.catalogue.staging import StagedFile
from rosetta_hub.catalogue.storage_paths import decode_path, display_name, encode_path
from rosetta_hub.catalogue.units import format_size
from rosetta_hub.copies.records import CopyRecords, new_copy
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.database.models_copies import Copy, CopyState, OnConflict, Stage
from rosetta_hub.tasks.manager import TaskManager

# Seconds between two looks at copies that go on.
LOOK_AGAIN = 2.0


def plan_staging(session: Session, task: Task, spec: TaskSpec, user: User) -> None:
    """Add the copies of an attempt in the transaction that begins it: none is ever made twice."""
    former = (Copy.task_id == task.id, Copy.state == CopyState.PLANNED)
    session.execute(delete(Copy).where(*former))
    for file in spec.inputs:
        session.add(_staged(file, task, user, Stage.INPUT, CopyState.QUEUED))
    for file in spec.outputs:
        session.add(_staged(file, task, user, Stage.OUTPUT, CopyState.PLANNED))


class Staging:
    """What the reconciler asks before a task starts, and after it has ended."""

    def __init__(self, records: CopyRecords, tasks: TaskManager) -> None:
        self._records = records
        self._tasks = tasks

    def wait_for_inputs(self, task: Task) -> float | None:
        """Seconds until the next look at inputs that are being fetched; None once all are there.

        A task whose input can't be fetched fails. What has arrived stays.
        """
        copies = self._records.of_task(task.id, task.attempt, Stage.INPUT)
        failed = next((copy for copy in copies if copy.state in _UNFINISHED), None)
        if failed is not None:
            self._tasks.fail(task, "input_failed", f"{_source(failed)}: {failed.message}")
            return LOOK_AGAIN
        active = [copy for copy in copies if not copy.state.final]
        if active:
            # They were added inside of the transaction that began the attempt.
            self._records.wake()
        self._tell(task, _progress("Fetching", copies) if active else "")
        return LOOK_AGAIN if active else None

    def finish(self, task: Task) -> float | None:
        """Seconds until the next look at the outputs of a task that has ended; None at the end.

        Nothing is stored of a task that was never heard of: it wrote nothing.
        """
        for copy in self._records.of_task(task.id, task.attempt, Stage.INPUT):
            if not copy.state.final:
                self._records.remove(copy.id, task.user)
        copies = self._records.of_task(task.id, task.attempt, Stage.OUTPUT)
        for copy in copies:
            if copy.state is CopyState.PLANNED:
                has_run = task.last_heartbeat is not None
                self._records.update(copy.id, _queue if has_run else _drop)
        copies = self._records.of_task(task.id, task.attempt, Stage.OUTPUT)
        self._tell(task, _outcome(copies))
        return LOOK_AGAIN if any(not copy.state.final for copy in copies) else None

    def _tell(self, task: Task, message: str) -> None:
        def tell(row: Task) -> None:
            row.staging = message

        if task.staging != message:
            self._tasks.update(task, tell)


_UNFINISHED = (CopyState.FAILED, CopyState.CANCELLED)


def _staged(file: StagedFile, task: Task, user: User, stage: Stage, state: CopyState) -> Copy:
    source = file.source
    copy = new_copy(
        user,
        (source.storage, [encode_path(source.path)]) if source else ("", [file.url]),
        (file.target.storage, encode_path(file.target.path), [encode_path(file.name)]),
    )
    copy.task_id, copy.attempt, copy.stage = task.id, task.attempt, stage
    copy.state, copy.conflict = state, OnConflict.OVERWRITE
    return copy


def _queue(copy: Copy) -> None:
    copy.state = CopyState.QUEUED


def _drop(copy: Copy) -> None:
    copy.state, copy.ended = CopyState.CANCELLED, utc_now()
    copy.message = "The task did not run."


def _progress(verb: str, copies: Sequence[Copy]) -> str:
    """What is copied, with bytes once they are known, and why a copy waits."""
    totals = [copy.bytes_total for copy in copies]
    files = sum(copy.files_total or 1 for copy in copies)
    text = f"{verb} {files} file{'' if files == 1 else 's'}"
    if None not in totals:
        copied_bytes = sum(copy.bytes_done for copy in copies)
        total = sum(size for size in totals if size is not None)
        text += f": {format_size(copied_bytes)} of {format_size(total)}"
    waiting = [copy.message for copy in copies if copy.state is CopyState.QUEUED and copy.message]
    return " ".join([f"{text}.", *dict.fromkeys(waiting)])


def _outcome(copies: Sequence[Copy]) -> str:
    """What has become, or becomes, of outputs."""
    if any(not copy.state.final for copy in copies):
        return _progress("Storing", copies)
    failed = [copy for copy in copies if copy.state in _UNFINISHED]
    if failed:
        return f"An output was not stored. {_source(failed[0])}: {failed[0].message}"
    return "Its outputs are stored." if copies else ""


def _source(copy: Copy) -> str:
    """The source for users."""
    if not copy.source_storage:
        return copy.source_paths[0]
    return f"{copy.source_storage}:{display_name(decode_path(copy.source_paths[0]))}"
