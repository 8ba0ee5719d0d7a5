"""Models of the operations with the tag `builds`.

Made by client/generate.py of the description of the API: do not edit.
"""

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class RecipeView:
    """How the image was made, and how what it starts is reached.

    `pack` is the build pack; `port`, `interface_auth` and `command` are those of software; `notes`
    tell what was left out.
    """

    pack: str
    version: str
    port: int
    interface_auth: str
    command: list[str]
    notes: list[str]


@dataclass(frozen=True)
class BuiltImage:
    """What was built: the reference with which it is started.

    `digest` is that of the manifest in the registry, or the image's id where it stays with an
    engine. `size` is in bytes.
    """

    reference: str
    digest: str
    arch: str
    size: Optional[int]


@dataclass(frozen=True)
class BuildView:
    """A build. Times are ISO 8601 in UTC.

    `waiting` is how many users wait for it, `position` its place in the queue from 1 on, `step` of
    `steps` is what goes on; `failed_step` and `log_tail` (the last lines) are set when a step has
    failed. `transient`: the failure may be over by now. `cancelling`: it was asked to end.
    """

    id: str
    state: str
    provider: str
    spec: str
    repository: str
    url: str
    ref: str
    commit: str
    port: Optional[int]
    message: str
    waiting: int
    position: Optional[int]
    step: Optional[int]
    steps: Optional[int]
    failed_step: str
    log_tail: list[str]
    transient: bool
    cancelling: bool
    recipe: Optional[RecipeView]
    image: Optional[BuiltImage]
    created: str
    started: Optional[str]
    ended: Optional[str]


@dataclass(frozen=True)
class BuildPage:
    """Builds, the one that was asked for last first."""

    builds: list[BuildView]
    next: Optional[str] = None


@dataclass(frozen=True)
class BuildRequest:
    """What is built: `spec` is quoted as in links. `again` repeats a build that has failed."""

    provider: str
    spec: str
    urlpath: Optional[str] = None
    port: Optional[int] = None
    again: Optional[bool] = None


@dataclass(frozen=True)
class BuiltSoftware:
    """Software that a build has become: `version` is its tag."""

    id: str
    family: str
    name: str
    version: str


@dataclass(frozen=True)
class RepositoryView:
    """What a link means: the repository with the commit that is built, and the link's options.

    `built`: the image is there. `places` are the computing resources that can start it, null where
    all can.
    """

    provider: str
    spec: str
    repository: str
    url: str
    ref: str
    commit: str
    urlpath: Optional[str]
    computing: Optional[str]
    size: Optional[str]
    port: Optional[int]
    built: bool
    places: Optional[list[str]]
