"""`POST api/v1/builds/<id>/software`: what was built becomes software of the principal."""

from typing import Any

from rosetta_hub.builds.software import find_or_add, image_place
from rosetta_hub.database.models_builds import Build
from rosetta_hub.web.builds_api import BuildsBase


class BuiltSoftwareHandler(BuildsBase):
    """`api/v1/builds/<id>/software`."""

    renews_rights = True

    def post(self, build_id: str) -> None:
        """Add the software: 201; 200 where it was added before."""
        build = self.find(build_id, "servers")
        library, user = self.services.library, self.principal.user
        place = image_place(self.builds.settings, library.platform.computing)
        row, is_new = find_or_add(library, user, build, place, self._link(build))
        document = {"id": row.id, "card": row.card, "name": row.entry["name"]}
        self.answer({**document, "version": row.entry["image_tag"]}, 201 if is_new else 200)

    def _link(self, build: Build) -> str:
        settings = self.services.settings
        port = f"?port={build.port}" if build.port else ""
        path = f"v2/{build.provider}/{build.spec}{port}"
        return f"{settings.hub_origin}{settings.service_prefix}{path}"


def built_software_routes(
    prefix: str, arguments: dict[str, Any]
) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    return [
        (rf"{prefix}api/v1/builds/([0-9a-f]{{12}})/software", BuiltSoftwareHandler, arguments),
    ]
