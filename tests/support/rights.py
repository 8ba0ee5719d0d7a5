"""The rights of operations, as the API's description has them."""

from typing import Any

from rosetta_hub.web.rights import Right, RightSubject


def read_right(document: dict[str, Any] | None) -> Right | None:
    """The right that an operation's `x-right` names; None where it names none."""
    if document is None:
        return None
    return Right(RightSubject(document["of"]), tuple(document["scopes"]))
