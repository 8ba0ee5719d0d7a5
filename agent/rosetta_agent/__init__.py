"""The agent: looks after one task on a computing resource; standard library only."""

__version__ = "0.1.0"
