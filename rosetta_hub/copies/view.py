"""A copy as the REST API shows it."""

from datetime import datetime

from pydantic import BaseModel, Field

from rosetta_hub.database.models_copies import Copy


class CopySource(BaseModel):
    """Storage and paths of a source; paths are percent-encoded."""

    storage: str
    paths: list[str]


class CopyTarget(BaseModel):
    """Storage and folder of a target, and the names that the sources get there."""

    storage: str
    path: str
    names: list[str]


class CopyProblem(BaseModel):
    """An entry that was not copied, and why."""

    path: str
    message: str


class CopyView(BaseModel):
    """A copy. Times are ISO 8601 in UTC, `rate` is bytes per second."""

    id: str
    state: str
    source: CopySource = Field(serialization_alias="from")
    target: CopyTarget = Field(serialization_alias="to")
    conflict: str
    task: str | None
    stage: str | None
    cancelling: bool
    bytes: int
    total_bytes: int | None
    files: int
    total_files: int | None
    rate: float | None
    seconds_left: int | None
    message: str
    problems: list[CopyProblem]
    problem_count: int
    created: datetime
    started: datetime | None
    ended: datetime | None


def view_copy(copy: Copy) -> CopyView:
    """The copy for its user."""
    return CopyView(
        id=copy.id,
        state=copy.state.value,
        source=CopySource(storage=copy.source_storage, paths=copy.source_paths),
        target=CopyTarget(
            storage=copy.target_storage, path=copy.target_path, names=copy.target_names
        ),
        conflict=copy.conflict.value,
        task=copy.task_id,
        stage=copy.stage.value if copy.stage else None,
        cancelling=copy.cancelling,
        bytes=copy.bytes_done,
        total_bytes=copy.bytes_total,
        files=copy.files_done,
        total_files=copy.files_total,
        rate=copy.rate,
        seconds_left=seconds_left(copy),
        message=copy.message,
        problems=[CopyProblem(**problem) for problem in copy.problems],
        problem_count=copy.problem_count,
        created=copy.created,
        started=copy.started,
        ended=copy.ended,
    )


def seconds_left(copy: Copy) -> int | None:
    """Seconds until the copy is complete, if it goes on as it does; None when nobody knows."""
    if copy.state.final or copy.bytes_total is None or not copy.rate:
        return None
    return round(max(0, copy.bytes_total - copy.bytes_done) / copy.rate)
