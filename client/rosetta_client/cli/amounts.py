"""Times and sizes as users say them."""

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


def size(number: float) -> str:
    """Bytes in the largest unit that fits, as `1.5G`."""
    units = ["", "K", "M", "G", "T", "P"]
    while number >= 1024 and len(units) > 1:
        number /= 1024
        units.pop(0)
    return f"{number:.1f}{units[0]}" if units[0] and number < 10 else f"{number:.0f}{units[0]}"
