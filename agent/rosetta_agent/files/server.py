"""The loop of the files program: one request after the other, until the channel ends."""

from typing import List


def main(arguments: List[str]) -> int:
    """Serve files on standard input and output; returns the exit status."""
    raise NotImplementedError(arguments)
