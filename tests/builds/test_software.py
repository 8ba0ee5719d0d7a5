"""What was built becomes software of the user: once, pinned, and where its image is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.builds.settings import BuildSettings
from rosetta_hub.builds.software import ImagePlace, find_or_add, image_place, software_name
from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.catalogue.options import parse_options, resolve_options
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_builds import Build, BuildState
from rosetta_hub.errors import Conflict, InvalidOptions, NotAllowed
from rosetta_hub.software.library import Library
from rosetta_hub.software.settings import UserSoftwareRules
from tests.support.catalogues import CLUSTER
from tests.support.databases import open_sqlite

ALICE, BOB = User("alice"), User("bob")
LINK = "https://hub.example.org/services/rosetta/v2/gh/octo/hello/main"
DIGEST = "sha256:" + "d" * 64
HERE = {"id": "here", "name": "Here", "container_engines": ["docker", "podman"]}
OTHER = {"id": "other", "name": "Other", "container_engines": ["docker"]}
COMPUTING: list[dict[str, Any]] = [HERE, OTHER, CLUSTER]
REGISTRY = "registry.example.org:5000/builds"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Nobody has software yet, the platform included."""
    database = open_sqlite(tmp_path)
    yield Library(
        load_catalogue([], COMPUTING), database, UserSoftwareRules(), "/services/rosetta/"
    )
    database.close()


def make_build(registry: str = "localhost/rosetta-builds", **changes: Any) -> Build:
    """A build that is done."""
    values: dict[str, Any] = {
        "id": "b" * 12,
        "state": BuildState.DONE,
        "provider": "gh",
        "spec": "octo/hello/main",
        "repository": "octo/hello",
        "port": None,
        "source": {"url": "https://github.com/octo/hello", "ref": "main", "commit": "a" * 40},
        "recipe": {
            "pack": "pip",
            "port": 8787,
            "interface_auth": "jupyter",
            "command": ["serve", "-v"],
        },
        "image": f"{registry}/octo-hello:0123456789abcdef",
        "image_digest": DIGEST,
        "image_arch": "amd64",
        "created": utc_now(),
    }
    return Build(**(values | changes))


def place_of(library: Library, **settings: Any) -> ImagePlace:
    return image_place(BuildSettings(**settings), library.platform.computing)


def test_the_entry_is_pinned_to_commit_and_digest(library: Library) -> None:
    place = place_of(library, registry=REGISTRY)
    row, is_new = find_or_add(library, ALICE, make_build(REGISTRY), place, LINK)
    assert is_new
    (family,) = library.catalogue_for(ALICE).families_for(ALICE)
    software = family.default
    assert software.image == f"{REGISTRY}/octo-hello@{DIGEST}"
    assert (software.name, software.interface_port) == ("hello", 8787)
    assert (software.interface_auth, software.command) == ("jupyter", ("serve", "-v"))
    assert software.image_archs == ("amd64",)
    assert software.supports_custom_interface_port
    assert "github.com/octo/hello, main (aaaaaaa)." in software.description
    assert software.description.endswith(LINK)
    assert (row.family, row.build, row.owner) == (family.id, "b" * 12, "alice")
    assert library.catalogue_for(BOB).families_for(BOB) == []


def test_a_second_click_finds_it(library: Library) -> None:
    place = place_of(library, registry=REGISTRY)
    first, _ = find_or_add(library, ALICE, make_build(REGISTRY), place, LINK)
    again, is_new = find_or_add(library, ALICE, make_build(REGISTRY), place, LINK)
    assert (again.id, again.revision, is_new) == (first.id, first.revision, False)
    # Everybody has an entry of their own.
    other, is_new = find_or_add(library, BOB, make_build(REGISTRY), place, LINK)
    assert (other.owner, is_new) == ("bob", True)


def test_a_name_that_the_user_has_given_stays(library: Library) -> None:
    place = place_of(library, registry=REGISTRY)
    row, _ = find_or_add(library, ALICE, make_build(REGISTRY), place, LINK)
    edited = {**library.find(ALICE, row.id).entry, "name": "My course"}
    keys = {key: value for key, value in edited.items() if not key.startswith("image_archs")}
    library.change(ALICE, row.id, row.revision, keys)
    result, is_new = find_or_add(library, ALICE, make_build(REGISTRY), place, LINK)
    assert (result.entry["name"], is_new) == ("My course", False)


def test_the_image_of_a_build_that_was_repeated_takes_its_place(library: Library) -> None:
    place = place_of(library, registry=REGISTRY)
    row, _ = find_or_add(library, ALICE, make_build(REGISTRY), place, LINK)
    newer = make_build(REGISTRY, image_digest="sha256:" + "e" * 64)
    result, is_new = find_or_add(library, ALICE, newer, place, LINK)
    assert (result.id, is_new) == (row.id, False)
    assert result.entry["image_digest"] == newer.image_digest
    assert result.revision == row.revision + 1


def test_another_commit_is_a_version_of_the_same_family(library: Library) -> None:
    place = place_of(library, registry=REGISTRY)
    first, _ = find_or_add(library, ALICE, make_build(REGISTRY), place, LINK)
    image = f"{REGISTRY}/octo-hello:fedcba9876543210"
    later = make_build(REGISTRY, id="c" * 12, image=image)
    second, is_new = find_or_add(library, ALICE, later, place, LINK)
    assert (second.family, is_new) == (first.family, True)


def test_an_image_of_an_engine_is_started_there_alone(library: Library) -> None:
    place = place_of(library)
    assert place == ImagePlace("podman", frozenset({"here"}))
    row, _ = find_or_add(library, ALICE, make_build(), place, LINK)
    catalogue = library.catalogue_for(ALICE)
    options = {"software": row.family, "version": row.entry["image_tag"]}
    spec = resolve_options(parse_options(options), catalogue, ALICE)
    assert (spec.computing.id, spec.engine) == ("here", "podman")
    assert spec.software.image == "localhost/rosetta-builds/octo-hello:0123456789abcdef"
    assert spec.software.pull == "never"
    for more in ({"computing": "other"}, {"computing": "here", "engine": "docker"}):
        with pytest.raises(InvalidOptions):
            resolve_options(parse_options(options | more), catalogue, ALICE)


@pytest.mark.parametrize(
    ("settings", "computing"),
    [
        ({"registry": REGISTRY}, None),
        ({"engine": "docker"}, {"here", "other"}),
        ({"keep_in": "docker"}, {"here", "other"}),
        ({"builder": "other", "engine": "docker"}, {"other"}),
        ({"builder": "other"}, set()),
    ],
)
def test_where_images_are(
    library: Library, settings: dict[str, Any], computing: set[str] | None
) -> None:
    expected = None if computing is None else frozenset(computing)
    assert place_of(library, **settings).computing == expected


def test_an_image_that_no_resource_has_is_a_message(library: Library) -> None:
    place = place_of(library, builder="other")
    with pytest.raises(Conflict, match="in podman on the builder"):
        find_or_add(library, ALICE, make_build(), place, LINK)


def test_what_is_not_done_is_no_software(library: Library) -> None:
    build = make_build(state=BuildState.FAILED)
    with pytest.raises(Conflict, match="not ready"):
        find_or_add(library, ALICE, build, place_of(library), LINK)


def test_whoever_may_add_no_software_gets_none(library: Library) -> None:
    library.rules = UserSoftwareRules(groups=frozenset({"team"}))
    with pytest.raises(NotAllowed):
        find_or_add(library, ALICE, make_build(), place_of(library), LINK)


@pytest.mark.parametrize(
    ("repository", "name"),
    [
        ("octo/hello", "hello"),
        ("group/sub/project", "project"),
        ("https://git.example.org/a/course.git", "course"),
        ("10.5281/zenodo.3242074", "10.5281/zenodo.3242074"),
        ("x" * 200, "x" * 60),
    ],
)
def test_the_name_of_the_family(repository: str, name: str) -> None:
    assert software_name(repository) == name
