"""Models of the operations with the tag `service`.

Made by client/generate.py of the description of the API: do not edit.
"""

from dataclasses import dataclass

from rosetta_client.models.common import Level


@dataclass(frozen=True)
class AnnouncementView:
    """What everybody sees of an announcement; `version` is another one after each change."""

    id: int
    version: str
    text: str
    level: Level
    dismissable: bool


@dataclass(frozen=True)
class AnnouncementList:
    """What is announced now."""

    announcements: list[AnnouncementView]


@dataclass(frozen=True)
class ServiceView:
    """The version of the service, and those parts of the API that not every deployment has.

    `features` are of `builds`, `local_accounts` and `registry`.
    """

    version: str
    features: list[str]
