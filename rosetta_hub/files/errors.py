"""Why a storage did not answer. What it answers is a FilesError (`rosetta_hub/errors.py`)."""

from rosetta_hub.errors import Unavailable


class StorageUnavailable(Unavailable):
    """A storage did not answer, or the channel to it ended."""


def malformed(detail: str) -> StorageUnavailable:
    """The storage's program has answered with something that is not of the protocol."""
    return StorageUnavailable(f"The storage gave an answer of no use: {detail}.")


def ended() -> StorageUnavailable:
    """The channel to the storage has ended."""
    return StorageUnavailable("The connection to the storage has ended. Try again.")
