"""What makes images: a program on the machine of the service, or on a host over SSH."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rosetta_hub.builds.recipe import Recipe
from rosetta_hub.errors import UserError


class BuildFailed(UserError):
    """No image was made, or the builder can't work; the message is for the user.

    `step` is the step that failed, `tail` the last lines of the output. `transient`: the cause may
    pass.
    """

    status = 503

    def __init__(
        self, message: str, step: str = "", tail: tuple[str, ...] = (), transient: bool = False
    ) -> None:
        super().__init__(message)
        self.step = step
        self.tail = tail
        self.transient = transient


@dataclass(frozen=True)
class Image:
    """An image that was made; see `rosetta_hub.builds.view.ImageView`."""

    reference: str
    digest: str
    size: int | None


@dataclass(frozen=True)
class BuildProgress:
    """What is told while an image is made: a piece of the log, a step, or that it is stored."""

    log: str = ""
    step: int | None = None
    steps: int | None = None
    pushing: bool = False


class Builder(Protocol):
    """Makes images. All raise ResourceUnavailable where it does not answer."""

    @property
    def arch(self) -> str:
        """The architecture of its images."""

    async def base_digest(self) -> str:
        """The digest of the base image; an empty text where it is not known."""

    async def build(
        self,
        build_id: str,
        name: str,
        recipe: Recipe,
        context: Path,
        tell: Callable[[BuildProgress], None],
    ) -> Image:
        """Make the image `name` of the context, and store it where tasks find it.

        What an earlier attempt of the same id has left is removed first. Cancelling it ends all
        that was started.

        Raises:
            BuildFailed: why there is no image.
        """

    async def clean_up(self, build_id: str) -> None:
        """Remove what an attempt has left."""

    async def has(self, image: Image) -> bool:
        """Whether an image is still there."""

    async def remove(self, image: Image) -> None:
        """Remove an image where it stays with the engine."""
