"""Revisions of what may be changed from two places at a time: an entity tag that changes with them.

Whoever changes such a thing sends the revision that it was read with, in `If-Match`, so that no
change of somebody else, or of another window, is overwritten unseen. `If-Match: *` changes whatever
there is. Versions of software have a number that the database keeps instead (`software_api.py`).
"""

import json

from pydantic import BaseModel
from tornado.httputil import HTTPServerRequest

from rosetta_hub.errors import ChangedMeanwhile, MatchRequired
from rosetta_hub.keys import digest
from rosetta_hub.web.conditional import matches_strongly

# Hexadecimal digits: enough to tell the states of one thing from each other.
_LENGTH = 16


class Revised(BaseModel):
    """What has a revision; an operation that answers with it sends the revision as `ETag`, too."""

    revision: str


def revision_of(*values: object) -> str:
    """The revision of a thing with these values, which are of JSON, or times."""
    return digest(json.dumps(values, default=str))[:_LENGTH]


def check_match(request: HTTPServerRequest, revision: str) -> None:
    """Refuse a change of what is not any more as the client knows it.

    Raises:
        MatchRequired: the request does not say what the client knows.
        ChangedMeanwhile: it has another revision.
    """
    if_match = request.headers.get("If-Match")
    if not if_match:
        raise MatchRequired(
            "Say what you want to change: send its revision, as you have read it, as entity tag in"
            " 'If-Match'."
        )
    if not matches_strongly(if_match, revision):
        raise ChangedMeanwhile(
            "This was changed meanwhile. Load it again, and then make your change."
        )
