"""Revisions of what two people may change at a time: entity tags made of what they see.

Whoever changes such a thing sends the revision that it was read with, in `If-Match`, so that no
change of somebody else is overwritten unseen.
"""

import json
from typing import Any

from pydantic import BaseModel

from rosetta_hub.errors import ChangedMeanwhile, MatchRequired
from rosetta_hub.keys import digest
from rosetta_hub.web.conditional import matches_strongly

# Hexadecimal digits: 96 bits.
_LENGTH = 24


def revision_of(content: BaseModel | dict[str, Any]) -> str:
    """The revision of something with this content."""
    document = content.model_dump(mode="json") if isinstance(content, BaseModel) else content
    return digest(json.dumps(document, sort_keys=True, default=str))[:_LENGTH]


def check_match(if_match: str | None, revision: str) -> None:
    """Refuse a change of what is not any more as the caller knows it.

    Raises:
        MatchRequired: the request does not say what the caller knows.
        ChangedMeanwhile: it has another revision.
    """
    if not if_match:
        raise MatchRequired(
            "Send the revision that you want to change in the header 'If-Match': it is in the"
            " 'ETag' of what you have read, or its 'revision'."
        )
    if not matches_strongly(if_match, revision):
        raise ChangedMeanwhile(
            "Somebody has changed this meanwhile. Load it again, and then make your change."
        )
