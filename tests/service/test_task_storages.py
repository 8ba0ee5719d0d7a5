"""The directories of a task: what is asked for, kept with the task, and told to its agent."""

import pwd
from typing import Any

import pytest

from rosetta_hub.agents.binds import check_binds
from rosetta_hub.agents.spec import LaunchContext, build_agent_spec
from rosetta_hub.catalogue import owners
from rosetta_hub.catalogue.catalogue import Catalogue, User, load_catalogue
from rosetta_hub.catalogue.families import families_for
from rosetta_hub.catalogue.options import MOST_BINDS, TaskSpec, parse_options, resolve_options
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task
from rosetta_hub.errors import ConfigError, InvalidOptions, StorageRefused
from rosetta_hub.tasks.conditions import Conditions
from rosetta_hub.tasks.report import Report
from rosetta_hub.tasks.view import Rights, Viewer
from tests.support.catalogues import CLUSTER, LOCAL
from tests.support.starting import start_task

from .conftest import ALICE, Bench
from .test_storages import DOCKER, OWN, REST, storage

SOFTWARE: list[dict[str, Any]] = [
    {"name": "Echo", "image_name": "echo", "any_user": True},
    {"name": "Root", "image_name": "root", "home_path": "/root", "home_user": 1000},
]
RESOURCES: list[dict[str, Any]] = [
    LOCAL | {"extra_binds": ["/data/*", "/scratch"]},
    CLUSTER,
    REST,
    DOCKER,
]
EVERYWHERE = ["local", "cluster", "rest"]
STORAGES = [
    storage(
        name="Home",
        base_path="/homes/$USER",
        bind_path="/home/metauser",
        home=True,
        create=True,
        owner="system",
    ),
    storage(
        name="Remote home",
        computing=["cluster", "rest"],
        base_path="/home/$SSH_USER",
        bind_path="/home/metauser",
        home=True,
    ),
    storage(name="Project", groups=["project-a"], computing=EVERYWHERE, bind_path="/project"),
    storage(name="Bob's", users=["bob"], bind_path="/bob"),
    storage(name="Atlas", read_only=True, computing="docker", bind_path="/atlas", **OWN),
    storage(name="Blobs", owner=4242, computing="docker", bind_path="/blobs", **OWN),
]
MEMBER = User("alice", frozenset({"project-a"}))
BOB = User("bob")


def catalogue(
    storages: list[dict[str, Any]] | None = None, software: list[dict[str, Any]] | None = None
) -> Catalogue:
    result = STORAGES if storages is None else storages
    return load_catalogue(software or SOFTWARE, RESOURCES, (), result)


def resolve(user: User = ALICE, **options: Any) -> TaskSpec:
    request = parse_options({"software": "echo", "computing": "local"} | options)
    return resolve_options(request, catalogue(), user)


def targets(spec: TaskSpec) -> list[str]:
    return [storage.target for storage in spec.storages]


def refusal(**options: Any) -> str:
    with pytest.raises(InvalidOptions) as error:
        resolve(**options)
    return str(error.value)


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """The accounts of this machine, by name."""
    uids = {"alice": 5000, "bob": 5001}

    def getpwnam(name: str) -> pwd.struct_passwd:
        return pwd.struct_passwd((name, "x", uids[name], 77, "", "/", "/bin/sh"))

    monkeypatch.setattr(pwd, "getpwnam", getpwnam)
    monkeypatch.setattr(owners, "LOGIN_DEFS", owners.LOGIN_DEFS.parent / "absent")
    return uids


# --- options -------------------------------------------------------------------------------------


def test_storages_of_a_task_are_those_of_its_user_and_resource() -> None:
    assert targets(resolve()) == ["/home/metauser"]
    assert targets(resolve(MEMBER)) == ["/home/metauser", "/project"]
    assert targets(resolve(BOB)) == ["/home/metauser", "/bob"]
    assert targets(resolve(MEMBER, computing="cluster")) == ["/home/metauser", "/project"]
    assert [storage.id for storage in resolve(computing="docker").storages] == ["atlas", "blobs"]


def test_the_home_is_where_the_image_wants_it() -> None:
    assert targets(resolve(MEMBER, software="root")) == ["/root", "/project"]


@pytest.mark.parametrize("without", [["project"], "project", "project, home-of-another,"])
def test_storages_are_left_out(without: Any) -> None:
    assert targets(resolve(MEMBER, without_storages=without)) == ["/home/metauser"]


def test_leaving_out_is_no_oracle() -> None:
    """What is somebody else's is answered like what does not exist, and like what was removed."""
    specs = [resolve(without_storages=[name]) for name in ("bob-s", "project", "nothing", "../x")]
    assert [spec.storages for spec in specs] == [resolve().storages] * 4


@pytest.mark.parametrize(
    "binds",
    [
        ["/data/m31:/storages/m31", "/scratch:/storages/scratch"],
        "/data/m31:/storages/m31,/scratch:/storages/scratch",
        " /data/m31/ : /storages/m31 , /scratch : /storages/scratch ",
    ],
)
def test_binds_of_the_user(binds: Any) -> None:
    spec = resolve(binds=binds)
    own = [
        (storage.id, storage.source, storage.target, storage.within)
        for storage in spec.storages[1:]
    ]
    assert own == [
        (None, "/data/m31", "/storages/m31", "/data"),
        (None, "/scratch", "/storages/scratch", "/scratch"),
    ]


@pytest.mark.parametrize(
    ("bind", "expected"),
    [
        ("/data/../etc:/x", "without '.', '..' and double slashes"),
        ("/data/./x:/x", "without '.', '..'"),
        ("/data//x:/x", "double slashes"),
        ("/data/x", "write it as '/path/there:/path/in/the/container'"),
        (":", "write an absolute path"),
        ("/data/x:", "write an absolute path"),
        ("data/x:/x", "write an absolute path"),
        ("/data/x:x", "write an absolute path"),
        ("/data/x:/x:ro", "no colons and no commas"),
        ("/data/x:/x\0", "no control characters"),
        ("/data/x\n:/y/x\x7f", "no control characters"),
        ("/data/x:/etc", "containers need '/etc'"),
        ("/data/x:/", "containers need '/usr'"),
        ("/data/x:/proc/1", "containers need '/proc'"),
        ("/data/x:/opt", "containers need '/opt/rosetta'"),
        ("/database:/x", "it is not in /data or /scratch"),
        ("/etc:/x", "it is not in /data or /scratch"),
        ("/:/x", "it is not in /data or /scratch"),
        ("/data/x:/home/metauser", "in one place"),
        ("/data/x:/home", "in one place"),
        ("/data/x:/home/metauser/x", "in one place"),
    ],
)
def test_binds_that_are_refused(bind: str, expected: str) -> None:
    message = refusal(binds=[bind])
    assert expected in message
    assert message.endswith(".")


def test_binds_with_commas_of_a_list() -> None:
    assert "no colons and no commas" in refusal(binds=["/data/a,b:/x"])


def test_binds_that_are_no_text() -> None:
    for binds in (["/data/\udce9:/x"], [1], {"a": 1}, ["/data/x:/x"] * (MOST_BINDS + 1)):
        with pytest.raises(InvalidOptions, match="The option 'binds' can't be used"):
            resolve(binds=binds)


def test_two_binds_in_one_place() -> None:
    assert "in one place" in refusal(binds=["/data/a:/x", "/data/b:/x/y"])


def test_a_place_is_free_where_the_storage_is_left_out() -> None:
    spec = resolve(binds=["/data/x:/home/metauser"], without_storages=["home"])
    assert targets(spec) == ["/home/metauser"]


def test_binds_where_nothing_is_allowed() -> None:
    message = refusal(computing="cluster", binds=["/data/x:/x"])
    expected = "The directory '/data/x' can't be bound on The cluster: it allows no binds of users."
    assert message == expected


@pytest.mark.parametrize(
    ("binds", "expected"),
    [
        (["/*"], "these are all directories of the machine"),
        (["/"], "these are all directories of the machine"),
        (["data"], "write an absolute path"),
        (["/data/../x"], "without '.', '..'"),
        (["/data/*/x/*"], "use the star at the end alone"),
    ],
)
def test_directories_that_no_user_gets_parts_of(binds: list[str], expected: str) -> None:
    with pytest.raises(ConfigError, match="key 'extra_binds") as error:
        load_catalogue([], [LOCAL | {"extra_binds": binds}])
    assert expected in str(error.value)


def test_binds_on_a_docker_host_that_nobody_can_look_at() -> None:
    with pytest.raises(ConfigError, match="nothing on the Docker host can look where links lead"):
        load_catalogue([], [DOCKER | {"extra_binds": ["/data"]}])


def test_a_home_in_the_place_of_another_storage() -> None:
    software = [SOFTWARE[1] | {"home_path": "/project/home"}]
    with pytest.raises(ConfigError, match=r"'root': tasks on 'local'.*the storage 'project'"):
        catalogue(software=software)
    with pytest.raises(ConfigError, match="containers need '/etc'"):
        catalogue(software=[SOFTWARE[1] | {"home_path": "/etc"}])


def test_what_the_form_is_told() -> None:
    family = families_for(catalogue(), MEMBER)[1]
    (version,) = family["versions"]
    local = next(resource for resource in version["computing"] if resource["id"] == "local")
    assert local["extra_binds"] == ["/data", "/scratch"]
    assert [(storage["id"], storage["path"]) for storage in local["storages"]] == [
        ("home", "/root"),
        ("project", "/project"),
    ]


# --- the task's record and the agent -------------------------------------------------------------


def started(bench: Bench, user: User = ALICE, **options: Any) -> Task:
    bench.tasks.catalogue = catalogue()
    return start_task(bench.tasks, "one", {"software": "echo"} | options, user)


def binds(bench: Bench, task: Task, account: str | None = None) -> list[dict[str, Any]]:
    """What an agent is told that is started now."""
    stored = bench.tasks.find(task.id)
    stored.remote_user = account
    context = LaunchContext(work_dir="/tmp/x", agents_url="http://127.0.0.1:1")
    computing = catalogue([]).computing[task.computing]
    spec = build_agent_spec(stored, computing, Rosetta(), bench.keys, context)
    result: list[dict[str, Any]] = spec["binds"]
    return result


def test_binds_of_this_machine(bench: Bench, accounts: dict[str, int]) -> None:
    task = started(bench, MEMBER, binds=["/data/m31:/m31"])
    home = {
        "source": "/homes/alice",
        "target": "/home/metauser",
        "read_only": False,
        "create": True,
        "home": True,
        "within": None,
        "owner": {"uid": accounts["alice"], "gid": 77},
    }
    project = home | {"source": "/srv/data", "target": "/project", "owner": None}
    project |= {"create": False, "home": False}
    own = project | {"source": "/data/m31", "target": "/m31", "within": "/data"}
    assert binds(bench, task) == [home, project, own | {"owner": home["owner"]}]


def test_variables_in_binds_of_users_are_text(bench: Bench, accounts: dict[str, int]) -> None:
    task = started(bench, binds=["/data/$USER:/x"], without_storages=["home"])
    assert [bind["source"] for bind in binds(bench, task)] == ["/data/$USER"]


def test_binds_of_two_users(bench: Bench, accounts: dict[str, int]) -> None:
    alice, bob = started(bench), started(bench, BOB)
    assert [bind["source"] for bind in binds(bench, alice)] == ["/homes/alice"]
    assert [bind["source"] for bind in binds(bench, bob)] == ["/homes/bob", "/srv/data"]
    assert binds(bench, bob)[0]["owner"] == {"uid": accounts["bob"], "gid": 77}


@pytest.mark.parametrize("computing", ["cluster", "rest"])
def test_binds_of_an_account(bench: Bench, computing: str) -> None:
    task = started(bench, computing=computing)
    (home,) = binds(bench, task, account="al")
    assert (home["source"], home["owner"]) == ("/home/al", None)
    with pytest.raises(StorageRefused, match="account there is not known"):
        binds(bench, task, account=None)


def test_binds_of_a_docker_host(bench: Bench) -> None:
    task = started(bench, computing="docker")
    values = [(bind["target"], bind["read_only"], bind["owner"]) for bind in binds(bench, task)]
    assert values == [("/atlas", True, None), ("/blobs", False, {"uid": 4242, "gid": 4242})]


def test_what_is_bound_stays_bound(bench: Bench, accounts: dict[str, int]) -> None:
    """The configuration changes, the service starts again: its agent is told the same."""
    task = started(bench, MEMBER)
    before = binds(bench, task)
    bench.tasks.catalogue = catalogue([])
    assert binds(bench, task) == before
    bench.tasks.report(task, Report.model_validate({"sequence": 1, "state": "stopped"}))
    again = start_task(bench.tasks, "one", bench.tasks.find(task.id).options, MEMBER)
    assert (again.id, binds(bench, again)) == (task.id, [])


def test_a_task_without_a_storage_is_started_again_when_that_is_gone(bench: Bench) -> None:
    task = started(bench, MEMBER, without_storages=["project"], binds="/data/a:/a")
    options = bench.tasks.find(task.id).options
    assert options["without_storages"] == ["project"]
    bench.tasks.report(task, Report.model_validate({"sequence": 1, "state": "stopped"}))
    bench.tasks.catalogue = catalogue(STORAGES[:1])
    again = start_task(bench.tasks, "one", options, MEMBER)
    assert [storage["target"] for storage in again.storages] == ["/home/metauser", "/a"]


def test_whether_the_image_takes_any_user(bench: Bench) -> None:
    task = started(bench, software="root", computing="cluster")
    context = LaunchContext(work_dir="/tmp/x", agents_url="http://127.0.0.1:1")
    task.remote_user = "al"
    computing = catalogue().computing["cluster"]
    spec = build_agent_spec(task, computing, Rosetta(), bench.keys, context)
    assert (spec["any_user"], spec["home_user"]) == (False, 1000)


def test_users_without_an_account_are_told_before_the_start(accounts: dict[str, int]) -> None:
    spec = resolve()
    check_binds(spec.storages, "alice", spec.computing)
    with pytest.raises(StorageRefused, match="You have no account 'carol'"):
        check_binds(spec.storages, "carol", spec.computing)
    remote = resolve(computing="cluster")
    check_binds(remote.storages, "carol", remote.computing)
    accounts["alice"] = 0
    with pytest.raises(StorageRefused, match="belongs to the system"):
        check_binds(spec.storages, "alice", spec.computing)


def test_the_page_is_told_what_is_where(bench: Bench) -> None:
    task = started(bench, computing="local", binds=["/data/m31:/m31"])
    settings = Rosetta(storages=[])
    viewer = Viewer(settings, bench.tasks.logs, Conditions())
    rights = Rights(stop=True, start=True, delete=True, log=True)
    storages = viewer.view(bench.tasks.find(task.id), rights).model_dump()["storages"]
    assert storages == [
        {
            "id": "home",
            "name": "Home",
            "path": "/home/metauser",
            "source": None,
            "home": True,
            "read_only": False,
        },
        {
            "id": None,
            "name": "/data/m31",
            "path": "/m31",
            "source": "/data/m31",
            "home": False,
            "read_only": False,
        },
    ]
