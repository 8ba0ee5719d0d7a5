"""The table of what tasks use over time."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from rosetta_hub.database.models import NUMBER, Base


class UsageSample(Base):
    """What the present attempt of a task used in a span of time that began at `begun`.

    `cpu_seconds` is the CPU time since the attempt's start, as it was at `ended`. `memory` and
    `gpu_memory` (bytes) are the largest of the span, `gpu_percent` is the average.
    """

    __tablename__ = "usage_samples"
    __table_args__ = (Index(None, "task_id", "id"),)

    id: Mapped[int] = mapped_column(NUMBER, primary_key=True)
    task_id: Mapped[str] = mapped_column(String(12), ForeignKey("tasks.id", ondelete="CASCADE"))
    begun: Mapped[datetime]
    ended: Mapped[datetime]
    # Seconds: reports that come before the span has passed are of the same sample.
    span: Mapped[int]
    cpu_seconds: Mapped[float]
    memory: Mapped[int]
    gpu_percent: Mapped[float | None]
    gpu_memory: Mapped[int | None]
    gpu_memory_total: Mapped[int | None]

    def __repr__(self) -> str:
        return f"<UsageSample of {self.task_id} {self.begun:%H:%M:%S}>"
