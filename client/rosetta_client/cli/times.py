"""Times as people say them."""

from __future__ import annotations

from datetime import datetime

_UNITS = (("d", 86400), ("h", 3600), ("m", 60))


def seconds_of(text: str) -> float:
    """Seconds since 1970 of a time of the API (ISO 8601)."""
    # Before Python 3.11 nothing reads the letter for UTC.
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def age(time: str | None, now: float) -> str:
    """How long ago it was by the hub's clock, as `3h`; nothing where there is no time."""
    return duration(now - seconds_of(time)) if time else ""


def duration(seconds: float) -> str:
    """A duration in its largest unit, as `3h`; never less than `0s`."""
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"
