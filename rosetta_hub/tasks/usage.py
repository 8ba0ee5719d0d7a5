"""What a task uses over time: kept in few samples, and told beside what it asked for."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from pydantic import BaseModel
from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from rosetta_hub.catalogue.units import format_size
from rosetta_hub.database.database import NO_OBJECTS
from rosetta_hub.database.models import Task, UsageSample, utc_now
from rosetta_hub.tasks.report import UsageReport

# Samples of a task; where there are as many, each two become one of twice the span.
MOST_SAMPLES = 240
# Seconds: the span of the first ones. 240 of them are 40 minutes.
FIRST_SPAN = 10


class UsagePoint(BaseModel):
    """What was used until `time`, since the point before.

    `cpus` is the number of processors in use on average, null where it is not known. `memory` and
    `gpu_memory` are bytes, the largest in this time; `gpu_percent` tells how busy the GPUs were.
    """

    time: datetime
    cpus: float | None
    memory: int
    gpu_percent: float | None
    gpu_memory: int | None


class AskedFor(BaseModel):
    """What the task may use: CPUs, memory in bytes, GPUs; null where nobody has said."""

    cpus: float | None
    memory: int | None
    gpus: int | None


class UsageView(BaseModel):
    """What the present attempt of a task has used, oldest first; `summary` says it in words."""

    attempt: int
    asked_for: AskedFor
    gpu_memory_total: int | None
    points: list[UsagePoint]
    summary: list[str]


def record_usage(session: Session, task: Task, usage: UsageReport) -> None:
    """Keep what a report tells: in the last sample, or in a new one once its span has passed."""
    now, last = utc_now(), _last(session, task.id)
    if last is not None and (now - last.begun).total_seconds() < last.span:
        _extend(last, usage, now)
        return
    if _count(session, task.id) >= MOST_SAMPLES:
        last = _thin(session, task.id)
    session.add(
        UsageSample(
            **usage.model_dump(),
            task_id=task.id,
            begun=now,
            ended=now,
            span=FIRST_SPAN if last is None else last.span,
        )
    )


def forget_usage(session: Session, task: Task) -> None:
    """Delete what was kept of a task: a new attempt begins."""
    session.execute(
        delete(UsageSample).where(UsageSample.task_id == task.id), execution_options=NO_OBJECTS
    )


def read_usage(session: Session, task: Task) -> UsageView:
    """What the present attempt has used."""
    samples = session.scalars(_of(task.id)).all()
    asked_for = AskedFor(cpus=task.cpus, memory=task.memory, gpus=task.request.get("gpus"))
    points = _points(samples)
    total = samples[-1].gpu_memory_total if samples else None
    return UsageView(
        attempt=task.attempt,
        asked_for=asked_for,
        gpu_memory_total=total,
        points=points,
        summary=_summary(points, asked_for, total, _mean_cpus(samples)),
    )


def _of(task_id: str) -> Select[UsageSample]:
    return select(UsageSample).where(UsageSample.task_id == task_id).order_by(UsageSample.id)


def _last(session: Session, task_id: str) -> UsageSample | None:
    query = select(UsageSample).where(UsageSample.task_id == task_id)
    return session.scalar(query.order_by(UsageSample.id.desc()).limit(1))


def _count(session: Session, task_id: str) -> int:
    query = select(func.count()).where(UsageSample.task_id == task_id)
    return session.scalar(query) or 0


def _extend(sample: UsageSample, usage: UsageReport, now: datetime) -> None:
    """Take a report into the span of a sample."""
    passed = (sample.ended - sample.begun).total_seconds()
    new = (now - sample.ended).total_seconds()
    sample.gpu_percent = _mean(sample.gpu_percent, passed, usage.gpu_percent, new)
    sample.gpu_memory = _largest(sample.gpu_memory, usage.gpu_memory)
    sample.gpu_memory_total = usage.gpu_memory_total or sample.gpu_memory_total
    sample.memory = max(sample.memory, usage.memory)
    sample.cpu_seconds, sample.ended = usage.cpu_seconds, now


def _thin(session: Session, task_id: str) -> UsageSample:
    """Make one sample of each two; returns the last."""
    samples = session.scalars(_of(task_id)).all()
    for first, second in zip(samples[::2], samples[1::2], strict=False):
        spans = [(sample.ended - sample.begun).total_seconds() for sample in (first, second)]
        first.gpu_percent = _mean(first.gpu_percent, spans[0], second.gpu_percent, spans[1])
        first.gpu_memory = _largest(first.gpu_memory, second.gpu_memory)
        first.memory = max(first.memory, second.memory)
        first.cpu_seconds, first.ended = second.cpu_seconds, second.ended
        session.delete(second)
    for sample in samples[::2]:
        sample.span *= 2
    session.flush()
    return samples[::2][-1]


def _mean(first: float | None, weight: float, second: float | None, more: float) -> float | None:
    if first is None or second is None:
        return first if second is None else second
    return (first * weight + second * more) / (weight + more) if weight + more > 0 else second


def _largest(first: int | None, second: int | None) -> int | None:
    return max((value for value in (first, second) if value is not None), default=None)


def _points(samples: Sequence[UsageSample]) -> list[UsagePoint]:
    cpus = [None, *(_cpus(before, after) for before, after in pairwise(samples))]
    return [
        UsagePoint(
            time=sample.ended,
            cpus=used,
            memory=sample.memory,
            gpu_percent=sample.gpu_percent,
            gpu_memory=sample.gpu_memory,
        )
        for sample, used in zip(samples, cpus, strict=False)
    ]


def _cpus(before: UsageSample, after: UsageSample) -> float | None:
    """Processors in use between two samples; None where the count began anew in between."""
    seconds = (after.ended - before.ended).total_seconds()
    used = after.cpu_seconds - before.cpu_seconds
    return round(used / seconds, 3) if seconds > 0 and used >= 0 else None


def _mean_cpus(samples: Sequence[UsageSample]) -> float | None:
    return _cpus(samples[0], samples[-1]) if len(samples) > 1 else None


def _summary(
    points: Sequence[UsagePoint], asked_for: AskedFor, gpu_memory: int | None, cpus: float | None
) -> list[str]:
    """What was used of what was asked for, a message each."""
    if not points:
        return []
    memory = max(point.memory for point in points)
    messages = [f"Memory: at most {_of_asked(format_size(memory), memory, asked_for.memory)}."]
    if cpus is not None:
        most = max((point.cpus or 0.0 for point in points), default=cpus)
        of_request = f" of the {asked_for.cpus:g} asked for" if asked_for.cpus else ""
        messages.append(f"CPUs: {cpus:.1f}{of_request} on average, {most:.1f} at most.")
    busy = [point.gpu_percent for point in points if point.gpu_percent is not None]
    if busy:
        most = max(busy)
        mean = sum(busy) / len(busy)
        used = max(point.gpu_memory or 0 for point in points)
        of_memory = f" of {format_size(gpu_memory)}" if gpu_memory else ""
        messages.append(f"GPUs: busy {mean:.0f} % of the time on average, {most:.0f} % at most.")
        messages.append(f"Memory of the GPUs: at most {format_size(used)}{of_memory}.")
    return messages


def _of_asked(text: str, used: int, request: int | None) -> str:
    if not request:
        return text
    return f"{text} of the {format_size(request)} asked for ({100 * used / request:.0f} %)"
