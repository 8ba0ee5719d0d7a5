"""`POST api/v1/builds/<id>/software`: what was built becomes software of the principal."""

from pydantic import BaseModel

from rosetta_hub.builds.software import find_or_add, image_place
from rosetta_hub.database.models_builds import Build
from rosetta_hub.web.builds_api import BuildsBase
from rosetta_hub.web.operations import Answer, operation
from rosetta_hub.web.rights import CHANGE_OWNED


class BuiltSoftware(BaseModel):
    """Software that a build has become: `version` is its tag."""

    id: str
    family: str
    name: str
    version: str


class BuiltSoftwareHandler(BuildsBase):
    """`api/v1/builds/<id>/software`."""

    path = "builds/{build}/software"
    renews_rights = True

    @operation(
        id="add_built_software",
        right=CHANGE_OWNED,
        answer=BuiltSoftware,
        status=201,
        also=(200,),
        refuses=(409, 422),
    )
    def post(self, build_id: str) -> Answer:
        """Make software of the user of what was built.

        The status is 200 where that was done before.
        """
        build = self.find(build_id, "servers")
        library, user = self.services.library, self.principal.user
        place = image_place(self.builds.settings, library.platform.computing)
        row, is_new = find_or_add(library, user, build, place, self._link(build))
        entry = row.entry
        software = BuiltSoftware(
            id=row.id, family=row.family, name=entry["name"], version=entry["image_tag"]
        )
        return Answer(software, 201 if is_new else 200)

    def _link(self, build: Build) -> str:
        settings = self.services.settings
        port = f"?port={build.port}" if build.port else ""
        path = f"v2/{build.provider}/{build.spec}{port}"
        return f"{settings.hub_origin}{settings.service_prefix}{path}"
