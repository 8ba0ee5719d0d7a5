"""What can go wrong with files, as the hub is told.

FilesError     the answer to a request: one of the protocol's codes and a message for the user
ChannelEnded   nobody waits for the answer any more: the program ends
"""


class FilesError(Exception):
    """A request can't be carried out; ``code`` is one of ``frames.CODES``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ChannelEnded(Exception):
    """The other side has closed the channel."""
