"""`GET api/v1/links/<provider>/<spec>`: what a link to a repository means now. Nothing is built."""

from pydantic import BaseModel
from tornado.httputil import HTTPServerRequest

from rosetta_hub.builds.links import RepositoryLink, parse_link
from rosetta_hub.builds.software import image_place
from rosetta_hub.builds.source_settings import SourceSettings
from rosetta_hub.web.builds_api import BuildsBase
from rosetta_hub.web.operations import operation
from rosetta_hub.web.rights import READ_OWN


def read_link(request: HTTPServerRequest, prefix: str, settings: SourceSettings) -> RepositoryLink:
    """The link in a request's address, behind `prefix`.

    Raises:
        LinkRefused: it is none; see `rosetta_hub.builds.links`.
    """
    # The path as it was sent: a %2F in it is no separator.
    provider, _, spec = request.path.removeprefix(prefix).partition("/")
    query = {
        name: values[0].decode(errors="replace") for name, values in request.query_arguments.items()
    }
    return parse_link(provider, spec, query, settings.kinds)


class RepositoryView(BaseModel):
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
    urlpath: str | None
    computing: str | None
    size: str | None
    port: int | None
    built: bool
    places: list[str] | None


class LinkHandler(BuildsBase):
    """`api/v1/links/<provider>/<spec>`."""

    path = "links/{provider}/{spec}"

    @operation(id="look_up_link", right=READ_OWN, answer=RepositoryView, refuses=(422,))
    async def get(self, *_path: str) -> RepositoryView:
        """What a link to a repository means now; nothing is built.

        The options of the link stand in the query, as in the link.
        """
        self.principal.check_own("read:servers")
        prefix = f"{self.services.settings.service_prefix}api/v1/links/"
        link = read_link(self.request, prefix, self.builds.settings)
        source, is_built = await self.builds.look_up(self.principal.user, link)
        return RepositoryView(
            provider=link.provider,
            spec=link.spec,
            repository=source.name,
            url=source.url,
            ref=source.ref,
            commit=source.commit,
            urlpath=link.urlpath,
            computing=link.computing,
            size=link.size,
            port=link.port,
            built=is_built,
            places=self._places(),
        )

    def _places(self) -> list[str] | None:
        """The resources that can start what is built; None where all can."""
        catalogue = self.services.library.platform
        place = image_place(self.builds.settings, catalogue.computing)
        return None if place.computing is None else sorted(place.computing)
