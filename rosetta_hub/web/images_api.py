"""`api/v1/images`: what a registry tells of an image, before anybody pulls it."""

from pydantic import BaseModel, Field

from rosetta_hub.registries.lookup import ImageArch, ImageDescription, ImageProblem
from rosetta_hub.registries.references import parse_reference
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.operations import operation
from rosetta_hub.web.rights import READ_OWN


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
    problems: list[ImageProblem]


class ImageQuery(RequestModel):
    """Which image."""

    image: str = Field(description="A reference, such as ghcr.io/org/app:1.2 or ubuntu")


class ImagesHandler(HubHandler):
    """`GET api/v1/images?image=ghcr.io/org/app:1.2`: the image, as the user may see it."""

    path = "images"

    @operation(id="look_up_image", right=READ_OWN, answer=ImageView, refuses=(404, 409))
    async def get(self, query: ImageQuery) -> ImageView:
        """Look an image up in its registry.

        A refusal holds a `reason` for programs, and `until` where a limit of pulls ends.

        Raises:
            RegistryRefused, RegistryUnavailable: see `Lookup.describe`.
            LookupsExceeded: see `Lookup.turn`.
        """
        self.principal.check_own("read:servers")
        reference = parse_reference(query.image)
        user, credentials = self.principal.user, self.services.credentials
        login = credentials.find(user.name, user.groups, reference.host, reference.repository)
        with self.services.lookup.turn(user.name):
            description = await self.services.lookup.describe(reference, login)
        return view_image(description)


def view_image(description: ImageDescription) -> ImageView:
    """A description as the API shows it."""
    reference = description.reference
    return ImageView(
        image=str(reference),
        registry=reference.host,
        image_name=reference.repository,
        image_tag=reference.tag,
        digest=description.digest,
        tags=list(description.tags),
        archs=list(description.archs),
        size=description.size,
        ports=list(description.ports),
        labels=dict(description.labels),
        user=description.user,
        entrypoint=list(description.entrypoint),
        command=list(description.command),
        problems=list(description.problems),
    )
