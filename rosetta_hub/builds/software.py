"""The user's software of an image that was built: an entry of the catalogue, made once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rosetta_hub.builds.settings import HERE, BuildSettings
from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.database.models_builds import Build, BuildState
from rosetta_hub.database.models_software import UserSoftware
from rosetta_hub.errors import Conflict
from rosetta_hub.software.library import Library

# Characters.
LONGEST_NAME = 60
_SHORT_COMMIT = 7

NOT_DONE = "The image is not ready. Wait until the build is done, or try it again."


@dataclass(frozen=True)
class ImagePlace:
    """Where images are that were built: in a registry, or in an engine of some resources.

    `computing` are the ids of the resources that have them, None where all can pull them.
    """

    engine: str = ""
    computing: frozenset[str] | None = None

    @property
    def keys(self) -> dict[str, Any]:
        """What of an entry keeps its tasks where the image is."""
        if self.computing is None:
            return {}
        return {
            "engines": [self.engine],
            "computing": sorted(self.computing),
            "pull": "never",
        }


def image_place(settings: BuildSettings, computing: Mapping[str, Computing]) -> ImagePlace:
    """Where the images are that are built with these settings."""
    if settings.registry:
        return ImagePlace()
    engine = settings.image_engine
    ids = {
        resource.id
        for resource in computing.values()
        if any(candidate.name == engine for candidate in resource.container_engines)
        and _is_builder(resource, settings.builder)
    }
    return ImagePlace(engine, frozenset(ids))


def _is_builder(resource: Computing, builder: str) -> bool:
    if builder != HERE:
        return resource.id == builder
    return resource.access_mode == "local" and not resource.has_queue


def find_or_add(
    library: Library, user: User, build: Build, place: ImagePlace, link: str
) -> tuple[UserSoftware, bool]:
    """The user's software of a build that is done, and whether it was added now.

    `link` is the address that leads to it again. An entry that has an image of an earlier attempt
    gets the present one.

    Raises:
        Conflict: the build is not done, or no resource has its image.
        NotAllowed, InvalidOptions: see `Library.add`.
    """
    if build.state is not BuildState.DONE:
        raise Conflict(NOT_DONE)
    if place.computing is not None and not place.computing:
        raise Conflict(
            f"The image is in {place.engine} on the builder, where no computing resource starts"
            " tasks. Tell the administrator."
        )
    fixed = fixed_keys(build, place)
    row = library.find_built(user, build.id)
    if row is None:
        raw = user_keys(build, link)
        return library.add(user, raw, build=build.id, fixed=fixed), True
    if any(row.entry.get(key) != value for key, value in fixed.items()):
        row = library.renew_built(user, row.id, fixed)
    return row, False


def user_keys(build: Build, link: str) -> dict[str, Any]:
    """What the user may change of the entry: its name, and how the interface is reached."""
    commit = build.source["commit"]
    short = commit[:_SHORT_COMMIT] if len(commit) >= 40 else commit
    version = " ".join(part for part in (build.source["ref"], f"({short})") if part)
    keys = {
        "name": software_name(build.repository),
        "description": f"Built of {build.source['url']}, {version}. {link}",
        "interface_port": build.recipe["port"],
        "interface_auth": build.recipe["interface_auth"],
        # Images of this pack listen on BASE_PORT, so that tasks of one node do not meet.
        "supports_custom_interface_port": build.recipe["pack"] == "pip",
    }
    return keys | ({"command": build.recipe["command"]} if build.recipe["command"] else {})


def fixed_keys(build: Build, place: ImagePlace) -> dict[str, Any]:
    """What stays as it was built: the image, pinned to its digest, and where it is."""
    repository, _, tag = build.image.rpartition(":")
    registry, _, name = repository.partition("/")
    keys = {"registry": registry, "image_name": name, "image_tag": tag}
    if place.computing is None:
        keys["image_digest"] = build.image_digest
    archs = {"image_archs": [build.image_arch]} if build.image_arch else {}
    return {**keys, **archs, **place.keys}


def software_name(repository: str) -> str:
    """The family's name: what the repository is called, without its owner; a DOI as it is."""
    name = repository if repository.startswith("10.") else repository.rstrip("/").split("/")[-1]
    return name.removesuffix(".git")[:LONGEST_NAME] or "Repository"
