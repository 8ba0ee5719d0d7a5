"""A module."""

ANSWER = 42
