"""What the benches share: rounds that alternate, medians, and a table that ends in a verdict."""

import os
import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Measure = Callable[[], float]


@dataclass(frozen=True)
class Goal:
    """A measured ratio or amount, and what it has to be."""

    name: str
    value: float
    least: float | None = None
    most: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether the value is within the bounds."""
        above = self.least is None or self.value >= self.least
        return above and (self.most is None or self.value <= self.most)

    @property
    def bound(self) -> str:
        """The bounds, as text."""
        least = f">= {self.least:g}" if self.least is not None else ""
        most = f"<= {self.most:g}" if self.most is not None else ""
        return " and ".join(filter(None, [least, most]))


def alternate(measures: Mapping[str, Measure], rounds: int) -> dict[str, list[float]]:
    """The values of each measure, taken in turns, so that a busy machine is unfair to all alike."""
    values: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            values[name].append(measure())
    return values


def median_ratio(values: list[float], base: list[float]) -> float:
    """The median of the ratios of the rounds."""
    return statistics.median(
        value / reference for value, reference in zip(values, base, strict=True)
    )


def print_row(name: str, *cells: str) -> None:
    """One line of a table."""
    print(f"{name:<38}" + "".join(f"{cell:>16}" for cell in cells))


def finish(*goals: Goal) -> None:
    """Print the goals and exit with 1 when one is missed."""
    for goal in goals:
        verdict = "met" if goal.is_met else "MISSED"
        print_row(goal.name, f"{goal.value:.2f}", goal.bound, verdict)
    sys.exit(0 if all(goal.is_met for goal in goals) else 1)


def read_cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, of all its threads."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_resident_kb(pid: int) -> int:
    """Resident memory of a process, in KB."""
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1])
