"""Limits that the agent itself explains or enforces."""

from typing import Optional


def describe_memory(limit: Optional[int]) -> str:
    """`` of 2 GiB``, or nothing without a limit."""
    if limit is None:
        return ""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if limit >= size:
            return " of {:g} {}".format(round(limit / float(size), 1), unit)
    return " of {} bytes".format(limit)
