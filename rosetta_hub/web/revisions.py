"""Revisions of what two people may change at a time: an entity tag that changes with them.

Whoever changes such a thing sends the revision that it was read with, in `If-Match`, so that no
change of somebody else is overwritten unseen.
"""

from rosetta_hub.errors import ChangedMeanwhile, MatchRequired
from rosetta_hub.web.conditional import matches_strongly


def check_match(if_match: str | None, revision: str) -> None:
    """Refuse a change of what is not any more as the caller knows it.

    Raises:
        MatchRequired: the request does not say what the caller knows.
        ChangedMeanwhile: it has another revision.
    """
    if not if_match:
        raise MatchRequired(
            "Say what you want to change: send its version, as you have read it, as entity tag in"
            " 'If-Match'."
        )
    if not matches_strongly(if_match, revision):
        raise ChangedMeanwhile(
            "Somebody has changed this meanwhile. Load it again, and then make your change."
        )
