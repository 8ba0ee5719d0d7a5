"""How long to wait before the mail server is asked again."""

from datetime import timedelta

FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(minutes=15)


def backoff(failures: int) -> timedelta:
    """How long to wait after so many failures: twice as long each time, a quarter hour at most."""
    doubled: int = 2 ** min(failures, 10)
    return min(FIRST_WAIT * doubled, LONGEST_WAIT)
