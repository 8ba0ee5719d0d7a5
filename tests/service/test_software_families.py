"""Families of users' software: versions that belong together, duplicates, and rules that change."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.catalogue.options import TaskSpec, parse_options, resolve_options
from rosetta_hub.catalogue.software_owner import SoftwareOwner
from rosetta_hub.database.database import Database
from rosetta_hub.database.models_software import UserSoftware
from rosetta_hub.errors import Conflict, InvalidOptions, NotAllowed, NotFound
from rosetta_hub.software.duplicates import duplicate_family, duplicate_version
from rosetta_hub.software.library import Library
from rosetta_hub.software.settings import UserSoftwareRules
from tests.support.catalogues import LOCAL
from tests.support.databases import open_sqlite

ALICE = User("alice", frozenset({"team"}))
PAT = User("pat", frozenset({"team", "staff"}))
TEAM = SoftwareOwner("group", "team")
STAFF = frozenset({"staff"})
PLATFORM: list[dict[str, Any]] = [
    {"id": "echo", "name": "Echo", "image_name": "site/echo", "image_tag": "1"},
    {
        **{"id": "echo", "name": "Echo", "image_name": "site/echo", "image_tag": "2"},
        **{"default": True, "logo": "/logo.svg", "keywords": ["test"], "groups": ["team"]},
        **{"add_capabilities": ["SYS_PTRACE"], "command": ["run"], "environment": {"A": "1"}},
    },
    {"id": "old", "name": "Old", "kind": "native", "spawner_class": "simple"},
    {"id": "sif", "name": "File", "image_name": "/images/app.sif"},
    {"id": "other", "name": "Other", "image_name": "site/other", "users": ["bob"]},
]
SSH: dict[str, Any] = {
    **{"name": "SSH", "image_name": "ghcr.io/t/ssh", "interface_protocol": "ssh"},
    **{"interface_auth": "password", "supports_interface_auth": True},
}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty database."""
    empty = open_sqlite(tmp_path)
    yield empty
    empty.close()


@pytest.fixture
def library(database: Database) -> Library:
    """Software of the platform, and none of users."""
    return Library(load_catalogue(PLATFORM, [LOCAL]), database, UserSoftwareRules(), "/r/")


def app(tag: str = "1", **more: Any) -> dict[str, Any]:
    """An entry as a user writes it."""
    return {"name": "App", "image_name": "ghcr.io/t/app", "image_tag": tag} | more


def resolve(library: Library, user: User, family_id: str, version: str | None = None) -> TaskSpec:
    """The task of that software."""
    options = parse_options({"software": family_id, **({"version": version} if version else {})})
    return resolve_options(options, library.catalogue_for(user), user)


def tags(library: Library, user: User, family_id: str) -> list[str]:
    """The versions of a family, as they are shown."""
    return [
        version.image_tag for version in library.catalogue_for(user).software[family_id].versions
    ]


# --- versions -------------------------------------------------------------------------------------


def test_versions_of_one_name_and_image_are_one_family(library: Library) -> None:
    first = library.add(ALICE, app(description="Mine", keywords=["a"]))
    second = library.add(ALICE, app("2", name="APP"))
    assert second.family == first.family
    assert tags(library, ALICE, first.family) == ["2", "1"]
    # What nobody says anew is the family's.
    assert (second.entry["description"], second.entry["keywords"]) == ("Mine", ["a"])
    assert library.find(ALICE, first.id).entry["name"] == "APP"
    assert library.add(ALICE, app(name="Other")).family != first.family
    assert library.add(ALICE, app("3"), TEAM).family != first.family
    assert library.add(PAT, app("3")).family != first.family


def test_a_tag_is_there_once(library: Library) -> None:
    library.add(ALICE, app())
    second = library.add(ALICE, app("2"))
    with pytest.raises(Conflict, match="App has the version '1' already"):
        library.add(ALICE, app())
    with pytest.raises(Conflict, match="App has the version '1' already"):
        library.change(ALICE, second.id, 1, app())
    assert library.change(ALICE, second.id, 1, app("2", description="x")).revision == 2


def test_a_family_is_of_one_image(library: Library) -> None:
    first = library.add(ALICE, app())
    other = app("9", image_name="ghcr.io/t/other")
    assert library.change(ALICE, first.id, 1, other).family == first.family
    second = library.add(ALICE, app("2", image_name="ghcr.io/t/other"))
    assert second.family == first.family
    with pytest.raises(InvalidOptions, match=r"are of the image ghcr\.io/t/other\. Add"):
        library.change(ALICE, second.id, 1, app("2"))


def test_a_name_is_changed_for_the_whole_family(library: Library) -> None:
    first, second = library.add(ALICE, app()), library.add(ALICE, app("2"))
    library.change(ALICE, second.id, 1, app("2", name="Better", description="New"))
    renamed = library.find(ALICE, first.id)
    assert (renamed.entry["name"], renamed.entry["description"]) == ("Better", "New")
    # So whoever edits that version is told.
    assert (renamed.revision, renamed.family) == (2, first.family)


def test_one_version_is_the_default(library: Library) -> None:
    family_id = library.add(ALICE, app(default=True)).family
    library.add(ALICE, app("2"))
    assert resolve(library, ALICE, family_id).software.image_tag == "1"
    library.add(ALICE, app("3", default=True))
    assert resolve(library, ALICE, family_id).software.image_tag == "3"


def test_there_is_a_limit_for_each_owner(library: Library) -> None:
    library.rules = UserSoftwareRules(most=2)
    for tag in ("1", "2"):
        library.add(ALICE, app(tag))
        library.add(ALICE, app(tag), TEAM)
    with pytest.raises(Conflict, match="You have 2 versions of software, which is the limit"):
        library.add(ALICE, app("3"))
    with pytest.raises(Conflict, match="The group team has 2 versions"):
        library.add(PAT, app("3"), TEAM)
    library.add(PAT, app("3"))


# --- duplicates -----------------------------------------------------------------------------------


def test_software_of_the_platform_is_duplicated_without_the_administrators_keys(
    library: Library,
) -> None:
    row, dropped = duplicate_family(library, ALICE, "echo", None)
    assert dropped == ["add_capabilities", "groups"]
    software = library.catalogue_for(ALICE).software[row.family].default
    assert software.image == "site/echo:2"
    assert (software.command, software.environment) == (("run",), {"A": "1"})
    assert (software.logo, software.add_capabilities) == ("/logo.svg", ())
    # Variables of the hub's spawner are for software of the platform.
    assert software.spawner_environment == "none"
    assert resolve(library, ALICE, row.family).software.image_tag == "2"
    again, _ = duplicate_family(library, ALICE, "echo", "1", TEAM)
    assert (again.owner, again.entry["name"]) == ("team", "Echo")
    with pytest.raises(NotFound, match="has no version 'x'"):
        duplicate_family(library, ALICE, "echo", "x")


@pytest.mark.parametrize(
    ("family_id", "error", "message"),
    [
        ("old", InvalidOptions, "started by the hub itself"),
        ("sif", InvalidOptions, "Name an image of a registry"),
        ("other", NotFound, "There is no such software"),
        ("nothing", NotFound, "There is no such software"),
    ],
)
def test_what_cannot_be_duplicated(
    library: Library, family_id: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        duplicate_family(library, ALICE, family_id, None)


def test_names_of_duplicates(library: Library) -> None:
    row = library.add(ALICE, app(name="N" * 80, description="x"), digest=f"sha256:{'a' * 64}")
    names = [duplicate_version(library, ALICE, row.id).entry["name"] for _ in range(3)]
    assert names == [f"{'N' * 73} (copy)", f"{'N' * 71} (copy 2)", f"{'N' * 71} (copy 3)"]
    shared = duplicate_version(library, ALICE, row.id, TEAM)
    assert (shared.entry, shared.digest) == (row.entry, row.digest)
    assert (shared.owner, shared.created_by) == ("team", "alice")


# --- rules that change ----------------------------------------------------------------------------


def refused(library: Library, user: User, row: UserSoftware) -> str | None:
    """What the family says; a start is refused with the same."""
    family = library.catalogue_for(user).software[row.family]
    reason = family.record(family.default).refused
    assert library.refusal(user, row) == reason
    if reason:
        with pytest.raises(InvalidOptions) as error:
            resolve(library, user, row.family)
        assert str(error.value) == reason
    else:
        resolve(library, user, row.family)
    return reason


def test_a_registry_that_is_not_allowed_any_more(library: Library) -> None:
    row, copy = library.add(ALICE, app()), duplicate_family(library, ALICE, "echo", "1")[0]
    assert refused(library, ALICE, row) is None
    library.rules = UserSoftwareRules(registries=("quay.io",))
    assert "ghcr.io/t/app may not be used here" in str(refused(library, ALICE, row))
    assert refused(library, ALICE, copy) is None
    library.delete_family(ALICE, row.family)


def test_a_user_who_is_no_power_user_any_more(library: Library) -> None:
    library.rules = UserSoftwareRules(power_groups=STAFF)
    own, shared = library.add(PAT, SSH), library.add(PAT, SSH, TEAM)
    assert refused(library, PAT, own) is None
    demoted = User("pat", frozenset({"team"}))
    assert "not with 'ssh'" in str(refused(library, demoted, own))
    # Members of a group run what a power user has shared, and change it only within their rights.
    assert refused(library, demoted, shared) is None
    assert refused(library, ALICE, shared) is None
    with pytest.raises(NotAllowed, match="not with 'ssh'"):
        library.change(ALICE, shared.id, 1, SSH)


def test_users_who_may_not_add_software_use_what_is_their_groups(library: Library) -> None:
    own, shared = library.add(ALICE, app()), library.add(PAT, app(), TEAM)
    library.rules = UserSoftwareRules(groups=STAFF)
    assert refused(library, ALICE, shared) is None
    assert "You may not add software here" in str(refused(library, ALICE, own))
    for act in (
        lambda: library.change(ALICE, shared.id, 1, app()),
        lambda: library.delete(ALICE, shared.id, 1),
        lambda: library.delete_family(ALICE, shared.family),
        lambda: duplicate_version(library, ALICE, shared.id),
        lambda: duplicate_family(library, ALICE, "echo", None),
    ):
        with pytest.raises(NotAllowed, match="You may not add software here"):
            act()
    library.delete(ALICE, own.id, 1)
    library.change(PAT, shared.id, 1, app())


def test_without_users_software_there_is_the_platforms(library: Library) -> None:
    library.add(ALICE, app())
    library.rules = UserSoftwareRules(enabled=False)
    assert library.catalogue_for(ALICE).software.keys() == {item["id"] for item in PLATFORM}
    with pytest.raises(NotAllowed, match="only the administrator adds software"):
        library.add(ALICE, app())


def test_an_entry_that_cannot_be_read_any_more(library: Library, database: Database) -> None:
    row = library.add(ALICE, app())
    with database.session() as session:
        session.merge(row).entry = {**row.entry, "gone": 1}
    match = library.find(ALICE, row.id)
    assert row.family not in library.catalogue_for(ALICE).software
    assert "of an older Rosetta Hub" in str(library.refusal(ALICE, match))
    library.change(ALICE, row.id, 1, app())
    assert refused(library, ALICE, library.find(ALICE, row.id)) is None


def test_what_a_deleted_user_has_shared_stays(library: Library) -> None:
    library.add(ALICE, app())
    shared = library.add(ALICE, app(), TEAM)
    library.delete_user("alice")
    assert library.catalogue_for(User("alice")).software.keys() == {item["id"] for item in PLATFORM}
    assert refused(library, PAT, shared) is None
