"""How many requests a principal may send: a bucket of requests that refills all the time.

The headers are those of the IETF's draft "RateLimit header fields for HTTP", with one policy.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

# Seconds in which an empty bucket becomes full.
WINDOW = 60
# Principals after whose requests the full buckets are forgotten.
_TIDY_EVERY = 1000
# Seconds that sums of seconds may be wrong by.
_EPSILON = 1e-6


@dataclass(frozen=True)
class Quota:
    """What a principal has left after a request.

    `wait` is in how many seconds a refused request may be sent again, 0 where it was not refused;
    `full` in how many the principal has all requests again.
    """

    limit: int
    left: int
    wait: int
    full: int

    def headers(self) -> dict[str, str]:
        """What the principal is told."""
        headers = {
            "RateLimit-Policy": f'"requests";q={self.limit};w={WINDOW}',
            "RateLimit": f'"requests";r={self.left};t={self.full}',
        }
        return headers | {"Retry-After": str(self.wait)} if self.wait else headers


class RateLimit:
    """Counts the requests of each principal; at most `limit` at once, and as many in each `WINDOW`.

    `clock` gives seconds that only grow.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        # By principal: when its bucket is full again. A bucket that is full is not kept.
        self._full_at: dict[str, float] = {}
        self._requests = 0

    def count(self, principal: str) -> Quota:
        """Take a request out of the principal's bucket, unless that is empty."""
        now, cost = self._clock(), WINDOW / self._limit
        self._tidy(now)
        full_at = max(self._full_at.get(principal, now), now) + cost
        # What is missing of a full bucket, in seconds, may not be more than a window.
        excess = full_at - now - WINDOW
        if excess > _EPSILON:
            return Quota(self._limit, 0, _round_up(excess), _round_up(full_at - cost - now))
        self._full_at[principal] = full_at
        missing = full_at - now
        remaining = int((WINDOW - missing) / cost + _EPSILON)
        return Quota(self._limit, remaining, 0, _round_up(missing))

    def _tidy(self, now: float) -> None:
        self._requests += 1
        if self._requests % _TIDY_EVERY == 0:
            self._full_at = {name: at for name, at in self._full_at.items() if at > now}


def _round_up(seconds: float) -> int:
    return math.ceil(seconds - _EPSILON)


def build_rate_limit(limit: int) -> RateLimit | None:
    """What counts the requests; None for 0, which is no limit."""
    return RateLimit(limit) if limit else None
