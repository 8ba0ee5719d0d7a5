"""`api/v1/images`: what a registry tells of an image, before anybody pulls it."""

from typing import Any

from pydantic import BaseModel

from rosetta_hub.registries.lookup import ImageArch, ImageDescription, Problem
from rosetta_hub.registries.references import parse_reference
from rosetta_hub.web.handlers import HubHandler


class ImageView(BaseModel):
    """An image as its registry describes it; sizes in bytes, compressed.

    Without `digest` in the reference, it is the one that the tag has now.
    """

    image: str
    registry: str
    image_name: str
    image_tag: str | None
    digest: str
    tags: list[str]
    archs: list[ImageArch]
    size: int
    ports: list[int]
    labels: dict[str, str]
    user: str
    entrypoint: list[str]
    command: list[str]
    problems: list[Problem]


class ImagesHandler(HubHandler):
    """`GET api/v1/images?image=ghcr.io/org/app:1.2`: the image, as the principal may see it."""

    async def get(self) -> None:
        """Describe it; a refusal holds a `reason` for programs, and `until` where there is one.

        Raises:
            RegistryRefused, RegistryUnavailable: see `Lookup.describe`.
            LookupsExceeded: see `Lookup.turn`.
        """
        self.principal.check_own("read:servers")
        reference = parse_reference(self.get_query_argument("image", ""))
        user, credentials = self.principal.user, self.services.credentials
        login = credentials.find(user.name, user.groups, reference.host, reference.repository)
        with self.services.lookup.turn(user.name):
            found = await self.services.lookup.describe(reference, login)
        self.answer(view_image(found))


def view_image(found: ImageDescription) -> ImageView:
    """A description as the API shows it."""
    reference = found.reference
    return ImageView(
        image=str(reference),
        registry=reference.host,
        image_name=reference.repository,
        image_tag=reference.tag,
        digest=found.digest,
        tags=list(found.tags),
        archs=list(found.archs),
        size=found.size,
        ports=list(found.ports),
        labels=dict(found.labels),
        user=found.user,
        entrypoint=list(found.entrypoint),
        command=list(found.command),
        problems=list(found.problems),
    )


def images_routes(prefix: str, arguments: dict[str, Any]) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    return [(rf"{prefix}api/v1/images", ImagesHandler, arguments)]
