"""Errors of builds, sorted by what the caller does with them.

RosettaError
├── UserError
│   └── BuildRefused         no image can be made of this; the message says what to change
│       ├── LinkRefused          the link is not written as links are (HTTP 400)
│       ├── SourceRefused        the repository or the ref is not there, or not allowed (HTTP 422)
│       ├── CheckoutRefused      too large, too slow, or changed meanwhile (HTTP 422)
│       │   └── CommitAbsent         the host does not give this commit
│       └── RecipeRefused        the files that say what to install (HTTP 422)
└── Unavailable
    └── SourceUnavailable    the host of the repository does not answer: try again later (HTTP 503)
"""

from rosetta_hub.errors import Unavailable, UserError


class BuildRefused(UserError):
    """No image can be made of this; the message is for the user."""

    status = 422


class LinkRefused(BuildRefused):
    """The link is not written as links to repositories are."""

    status = 400


class SourceRefused(BuildRefused):
    """There is no such repository, branch, tag or commit, or it may not be used."""


class CheckoutRefused(BuildRefused):
    """The repository can't be fetched: its size, its time, or what it refers to."""


class CommitAbsent(CheckoutRefused):
    """The host of a repository does not have a commit, or gives branches and tags only."""


class RecipeRefused(BuildRefused):
    """The repository's build files can't be used."""


class SourceUnavailable(Unavailable):
    """The host of a repository did not answer: nothing is known about the repository."""
