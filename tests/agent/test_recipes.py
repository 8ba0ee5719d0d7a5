"""Who owns what a task writes: the table of docs/storages.md, without any engine."""

import pytest

from rosetta_agent.bind_options import Bind, Owner
from rosetta_agent.binds import first_owner, owner_of
from rosetta_agent.engines.docker_binds import parse_first_ids, parse_image_user
from rosetta_agent.engines.image_user import Names, build_names, group_of, parse_user
from rosetta_agent.errors import TaskFailure
from rosetta_agent.file_owners import ROOT, ImageUser, Place, choose_recipe, map_of
from rosetta_agent.idmap import IdMap

ALICE, SERVICE = Owner(5000, 5001), Owner(900, 900)
WORKER, CLERK = Owner(1000, 100), Owner(31337, 31337)

DOCKER = Place("docker", ROOT, personal=False, can_mount=True)
UNPRIVILEGED = Place("docker", ALICE, personal=False)
REMAPPED = DOCKER._replace(first=Owner(100000, 200000))
REMOTE = Place("docker", ROOT, personal=False, remote=True)
ROOTLESS_DOCKER = Place("docker", ALICE, personal=True)
ROOTLESS = Place("podman", ALICE, personal=True, keeps_ids=True)
OLD_ROOTLESS = ROOTLESS._replace(keeps_ids=False)
APPTAINER = Place("singularity", ALICE, personal=True)
APPTAINER_ROOT = Place("singularity", ROOT, personal=False, can_mount=True)

AS_ROOT, FIXED, ANY = ImageUser(ROOT), ImageUser(WORKER), ImageUser(WORKER, any_user=True)
DROPS = ImageUser(ROOT, becomes=CLERK)
HOME = Bind("/homes/alice", "/home/metauser", read_only=False, home=True)


def pair(disk: Owner, owner: Owner) -> IdMap:
    return IdMap(((disk.uid, owner.uid),), ((disk.gid, owner.gid),))


USER = ("--user", "5000:5001")
KEEP = "--userns=keep-id"


@pytest.mark.parametrize(
    ("place", "image", "kind", "options", "id_map"),
    [
        (APPTAINER, FIXED, "none", (), None),
        (APPTAINER, AS_ROOT, "fakeroot", ("--fakeroot",), None),
        (APPTAINER_ROOT, AS_ROOT, "none", (), pair(ALICE, ROOT)),
        (ROOTLESS, AS_ROOT, "none", (), None),
        (ROOTLESS, FIXED, "keep-id", (f"{KEEP}:uid=1000,gid=100",), None),
        (ROOTLESS, DROPS, "keep-id", (f"{KEEP}:uid=31337,gid=31337", "--user", "0:0"), None),
        (OLD_ROOTLESS, AS_ROOT, "none", (), None),
        (OLD_ROOTLESS, ANY, "keep-id", (KEEP, *USER), None),
        (OLD_ROOTLESS, FIXED, None, (), None),
        (OLD_ROOTLESS, DROPS, None, (), None),
        (ROOTLESS_DOCKER, AS_ROOT, "none", (), None),
        (ROOTLESS_DOCKER, ANY, "user", ("--user", "0:0"), None),
        (ROOTLESS_DOCKER, FIXED, None, (), None),
        (DOCKER, ANY, "user", USER, None),
        (DOCKER, AS_ROOT, "none", (), pair(ALICE, ROOT)),
        (DOCKER, FIXED, "none", (), pair(ALICE, WORKER)),
        (DOCKER, DROPS, "none", (), pair(ALICE, CLERK)),
        (DOCKER, ImageUser(ALICE), "none", (), None),
        (UNPRIVILEGED, ANY, "user", USER, None),
        (UNPRIVILEGED, ImageUser(ALICE), "none", (), None),
        (UNPRIVILEGED, FIXED, None, (), None),
        (UNPRIVILEGED, AS_ROOT, None, (), None),
        (REMAPPED, ANY, "none", (), pair(ALICE, Owner(101000, 200100))),
        (REMAPPED, AS_ROOT, "none", (), pair(ALICE, Owner(100000, 200000))),
        (REMAPPED._replace(can_mount=False), ANY, None, (), None),
        (REMOTE, ANY, "user", USER, None),
        (REMOTE, ImageUser(ALICE), "none", (), None),
        (REMOTE, FIXED, None, (), None),
    ],
)
def test_table(
    place: Place,
    image: ImageUser,
    kind: str | None,
    options: tuple[str, ...],
    id_map: IdMap | None,
) -> None:
    """`kind` is None where the storage is refused."""
    bind = HOME if place.personal else HOME._replace(owner=ALICE)
    owner = first_owner([bind], place)
    recipe = choose_recipe(place, image, owner)
    if kind is None:
        with pytest.raises(TaskFailure) as error:
            map_of(place, recipe, bind, owner)
        assert error.value.reason == "storage_owner"
        assert error.value.detail.endswith(".")
    else:
        assert (recipe.kind, recipe.options) == (kind, options)
        assert map_of(place, recipe, bind, owner) == id_map
        # An entry in /etc/passwd comes by a file, which a daemon elsewhere does not see.
        here = not (place.personal or place.remote)
        assert recipe.names is (recipe.writes == ALICE and kind == "user" and here)


GROUPS = (5001, 0, 100, 4000, 100000)
ADDED = ("--group-add", "4000", "--group-add", "100000")


@pytest.mark.parametrize(
    ("place", "image", "options", "pairs"),
    [
        (DOCKER, FIXED, ADDED, [(5001, 100), (4000, 4000), (100000, 100000)]),
        (REMAPPED, FIXED, ADDED[:2], [(5001, 200100), (4000, 204000)]),
        (UNPRIVILEGED, ImageUser(ALICE), ("--group-add", "100", *ADDED), None),
        (REMOTE, ImageUser(ALICE), (), None),
        (ROOTLESS, AS_ROOT, (), None),
    ],
)
def test_groups_of_the_person(
    place: Place, image: ImageUser, options: tuple[str, ...], pairs: list[tuple[int, int]] | None
) -> None:
    """Root's group is nobody's in a container, and a number has one meaning."""
    recipe = choose_recipe(place, image, ALICE, GROUPS)
    assert recipe.options == options
    id_map = map_of(place, recipe, HOME, ALICE)
    assert (None if id_map is None else list(id_map.groups)) == pairs


def test_groups_where_another_bind_has_one_of_them_as_its_own() -> None:
    recipe = choose_recipe(DOCKER, FIXED, ALICE, GROUPS)
    id_map = map_of(DOCKER, recipe, HOME, Owner(7000, 4000))
    assert id_map == IdMap(((7000, 1000),), ((4000, 100), (100000, 100000)))


@pytest.mark.parametrize("place", [UNPRIVILEGED, OLD_ROOTLESS, REMOTE])
def test_what_is_only_read_needs_no_owner(place: Place) -> None:
    bind = HOME._replace(read_only=True)
    owner = first_owner([bind], place)
    assert map_of(place, choose_recipe(place, FIXED, owner), bind, owner) is None


def test_what_users_name_is_not_read_as_root() -> None:
    """Docker's root would read everything; a mount of the owner's has the owner's rights."""
    bind = HOME._replace(read_only=True, within="/homes", owner=ALICE)
    recipe = choose_recipe(UNPRIVILEGED, AS_ROOT, ALICE)
    with pytest.raises(TaskFailure, match="files of a storage"):
        map_of(UNPRIVILEGED, recipe, bind, ALICE)
    recipe = choose_recipe(DOCKER, AS_ROOT, ALICE)
    assert map_of(DOCKER, recipe, bind, ALICE) == pair(ALICE, ROOT)


def test_files_of_root_do_not_make_an_image_run_as_root() -> None:
    recipe = choose_recipe(DOCKER, ANY, ROOT)
    assert (recipe.kind, recipe.options) == ("none", ())
    assert map_of(DOCKER, recipe, HOME, ROOT) == pair(ROOT, WORKER)


def test_owners_of_several_binds() -> None:
    home = HOME._replace(owner=ALICE)
    named = Bind("/data/x", "/x", False, within="/data")
    shared = Bind("/srv/all", "/all", False)
    binds = [shared, named, home]
    assert [owner_of(bind, binds, DOCKER) for bind in binds] == [ROOT, ALICE, ALICE]
    assert owner_of(named, [named], DOCKER) == ROOT
    assert owner_of(shared, binds, REMOTE) is None
    assert first_owner(binds, DOCKER) == ALICE
    assert first_owner([shared._replace(read_only=True), named], UNPRIVILEGED) == ALICE
    assert first_owner([], DOCKER) is None


# --- users of images -----------------------------------------------------------------------------

NAMES = Names("root:x:0:0:root:/root:/bin/sh\nworker:x:1000:100::/home/w:/bin/sh\n", "users:x:100:")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Owner(0, 0)),
        ("root", Owner(0, 0)),
        ("worker", Owner(1000, 100)),
        ("1000", Owner(1000, 100)),
        ("31337", Owner(31337, 0)),
        ("31337:31338", Owner(31337, 31338)),
        ("worker:users", Owner(1000, 100)),
        ("0:users", Owner(0, 100)),
    ],
)
def test_user_of_an_image(text: str, expected: Owner) -> None:
    assert parse_user(text, NAMES) == expected


@pytest.mark.parametrize("text", ["nobody", "worker:nogroup"])
def test_user_that_the_image_does_not_know(text: str) -> None:
    with pytest.raises(TaskFailure, match="no user or group 'no"):
        parse_user(text, NAMES)


def test_broken_lines_are_passed_over() -> None:
    names = Names("worker:x:\n\nworker:x:one:two:\nworker:x:7:8::/:\n", "")
    assert parse_user("worker", names) == Owner(7, 8)
    assert parse_user("worker", Names()._replace(passwd="worker:x:7:8::/:")) == Owner(7, 8)


def test_group_of_a_user() -> None:
    assert group_of(1000, NAMES) == 100
    assert group_of(77, NAMES) == 77


def test_names_for_a_user_of_the_machine() -> None:
    names = build_names(NAMES, ALICE, "alice", "/home/metauser")
    assert names.passwd == NAMES.passwd + "alice:x:5000:5001::/home/metauser:/bin/sh\n"
    assert names.group == NAMES.group + "\nalice:x:5001:\n"
    assert build_names(NAMES, WORKER, "alice", None) == NAMES
    assert parse_user("5000", names) == ALICE


@pytest.mark.parametrize("name", ["", "worker", "a:b", "two\nlines", "ALICE@EXAMPLE.ORG"])
def test_names_that_are_taken_or_not_fit(name: str) -> None:
    assert "\nuser:x:5000:" in build_names(NAMES, ALICE, name, None).passwd


@pytest.mark.parametrize(
    ("text", "user"), [('"worker"', "worker"), ('""', ""), ("null", ""), ("", ""), ("[]", "")]
)
def test_answer_about_an_image(text: str, user: str) -> None:
    assert parse_image_user(text) == user


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ('["name=seccomp,profile=default"] /var/lib/docker\n', Owner(0, 0)),
        ('["name=seccomp","name=userns"] /var/lib/docker/100000.200000\n', Owner(100000, 200000)),
        ('["name=seccomp"] /srv/1.2', Owner(0, 0)),
        ("", Owner(0, 0)),
    ],
)
def test_answer_about_a_daemon(text: str, first: Owner) -> None:
    assert parse_first_ids(text) == first
