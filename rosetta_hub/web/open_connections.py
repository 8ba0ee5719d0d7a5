"""How many connections to tasks each user has open over WebSockets."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from rosetta_hub.errors import Conflict

# More than editors, file transfers and a browser behind a forwarded port have together.
MOST_CONNECTIONS = 100


class OpenConnections:
    """Counts the connections of each user, up to a limit."""

    def __init__(self, limit: int = MOST_CONNECTIONS) -> None:
        self._limit = limit
        self._open: Counter[str] = Counter()

    @contextmanager
    def admit(self, user: str) -> Iterator[None]:
        """Count a connection as long as this goes on.

        Raises:
            Conflict: the user has too many of them.
        """
        if self._open[user] >= self._limit:
            raise Conflict(
                f"You have {self._limit} connections to tasks open, which is the most that one"
                " user may have. Close some of them first."
            )
        self._open[user] += 1
        try:
            yield
        finally:
            self._open[user] -= 1
            # Else one entry would stay for each user that there ever was.
            if not self._open[user]:
                del self._open[user]
