"""Storages of the configuration: what is loaded, what is refused, and whose they are."""

import os
import pwd
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.catalogue import owners
from rosetta_hub.catalogue.catalogue import Catalogue, User, load_catalogue
from rosetta_hub.catalogue.conf_stores import S3Conf
from rosetta_hub.catalogue.owners import Owner, local_owner
from rosetta_hub.catalogue.storages import Storage
from rosetta_hub.config import Rosetta
from rosetta_hub.errors import ConfigError, StorageRefused
from rosetta_hub.local_storages import storage_advice
from tests.support.catalogues import CLUSTER, LOCAL

REST = {
    "id": "rest",
    "name": "Slurm by REST",
    "access_mode": "api",
    "wms": "slurmrest",
    "container_engines": ["singularity"],
    "conf": {"url": "https://slurm.example.org", "jwt_key_file": "/etc/jwt"},
}
DOCKER = {
    "id": "docker",
    "name": "Docker host",
    "access_mode": "api",
    "container_engines": ["docker"],
    "conf": {
        "url": "tcp://docker.example.org:2376",
        "ca_file": "/ca",
        "certificate_file": "/cert",
        "key_file": "/key",
        "publish_address": "10.0.0.1",
    },
}
RESOURCES: list[dict[str, Any]] = [LOCAL, CLUSTER, REST, DOCKER]
OWN = {"access_through_computing": False, "access_mode": "ssh", "conf": {"host": "files.org"}}
ALICE = User("alice", frozenset({"project-a"}))
BOB = User("bob")


def load(*storages: dict[str, Any]) -> Catalogue:
    return load_catalogue([], RESOURCES, (), storages)


def storage(**keys: Any) -> dict[str, Any]:
    return {
        "name": "Data",
        "computing": "local",
        "base_path": "/srv/data",
        "bind_path": "/storages/data",
        **keys,
    }


def loaded(**keys: Any) -> Storage:
    (result,) = load(storage(**keys)).storages.values()
    return result


HOME = storage(name="Home", base_path="/srv/$USER", bind_path="/home/metauser", home=True)


def test_defaults() -> None:
    result = loaded(name="My data")
    assert result.id == "my-data"
    assert result.computing == ("local",)
    assert result.access_through_computing
    assert (result.access_mode, result.auth_mode, result.conf) == (None, None, None)
    assert (result.home, result.read_only, result.create, result.owner) == (False,) * 3 + (
        "service",
    )


def test_a_storage_of_its_own() -> None:
    result = loaded(computing=None, bind_path="", access_mode="ssh", conf={"host": "files.org"})
    assert not result.access_through_computing
    assert (result.access_mode, result.auth_mode) == ("ssh", "user_keys")
    assert getattr(result.conf, "host", None) == "files.org"
    local = loaded(computing=[], bind_path="")
    assert (local.access_mode, local.auth_mode) == ("local", "internal")


def test_absent_files_of_a_storage_of_its_own(tmp_path: Path) -> None:
    conf = {"host": "files.org", "known_hosts": f"{tmp_path}/absent"}
    entry = storage(computing=None, bind_path="", access_mode="ssh", conf=conf)
    settings = Rosetta(tasks_url="http://127.0.0.1", storages=[entry])
    settings.check(files=False)
    with pytest.raises(ConfigError, match=r"entry 'data': key 'conf\.known_hosts': the file"):
        settings.check()


def test_names_without_a_letter_of_an_id() -> None:
    assert loaded(name="\u65e5\u672c").id == "storage"


def test_storages_of_users_and_groups() -> None:
    catalogue = load(
        HOME,
        storage(name="Project", groups=["project-a"], computing=["local", "cluster"]),
        storage(name="Bob's", users=["bob"], bind_path=""),
    )
    assert [item.id for item in catalogue.storages_of(ALICE)] == ["home", "project"]
    assert [item.id for item in catalogue.storages_of(BOB)] == ["home", "bob-s"]
    assert [item.id for item in catalogue.storages_for(ALICE, "local")] == ["home", "project"]
    assert [item.id for item in catalogue.storages_for(ALICE, "cluster")] == ["project"]
    assert [item.id for item in catalogue.storages_for(BOB, "local")] == ["home"]


def test_administrators_of_the_hub_get_no_other_storages() -> None:
    catalogue = load(storage(users=["bob"]))
    assert catalogue.storages_of(User("root", admin=True)) == []


DAV = {"name": "Data", "type": "webdav", "conf": {"url": "https://dav.example.org/files"}}


def test_a_store_is_reached_by_itself() -> None:
    only = load({**DAV, "base_path": "/$USER"}).storages["data"]
    assert (only.access_mode, only.computing, only.bind_path) == (None, (), "")
    assert only.path("alice") == "/alice"
    assert load({**DAV, "base_path": "/", "read_only": True}).storages["data"].read_only
    assert load({**DAV, "base_path": "/a", "groups": ["a"]}).storages["data"].groups == {"a"}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"base_path": "/all"}, "everybody would have the same files"),
        ({"base_path": "/$SSH_USER"}, "'$SSH_USER' in 'base_path' is for SSH"),
        ({"bind_path": "/data"}, "key 'bind_path' is not for the type 'webdav'"),
        ({"home": True}, "key 'home' is not for the type 'webdav'"),
        ({"computing": "cluster"}, "key 'computing' is not for the type 'webdav'"),
        ({"owner": "system"}, "key 'owner' is not for the type 'webdav'"),
        ({"conf": {}}, "the key 'conf.url' is required"),
        ({"conf": {"url": "https://hub:secret@dav.example.org"}}, "without a password"),
        ({"conf": {"url": "http://dav.example.org"}}, "has to begin with https://"),
        ({"conf": {"url": "https://dav.example.org", "user": "hub"}}, "belong together"),
    ],
)
def test_refused_stores(keys: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        load({**DAV, "base_path": "/$USER", **keys})
    assert expected in str(error.value)


S3: dict[str, Any] = {
    "name": "Data",
    "type": "s3",
    "conf": {"bucket": "files", "access_key_id": "hub", "secret_key_file": "/etc/secret"},
}


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        ({"bucket": "a/b"}, "write the name of a bucket alone"),
        ({"url": "http://s3.example.org"}, "has to begin with https://"),
        ({"url": "https://s3.example.org/files"}, "without a path"),
        ({"access_key_id": ""}, "write the identifier of a key"),
        ({"user": "hub"}, "conf.user"),
    ],
)
def test_refused_settings_of_s3(conf: dict[str, str], expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        load({**S3, "base_path": "/$USER", "conf": {**S3["conf"], **conf}})
    assert expected in str(error.value)


def test_settings_of_s3(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("abc\n")
    conf = {**S3["conf"], "secret_key_file": str(tmp_path / "secret")}
    storage = load({**S3, "base_path": "/$USER", "conf": conf}).storages["data"]
    assert isinstance(storage.conf, S3Conf)
    settings = storage.conf.settings()
    assert settings["url"] == "https://s3.us-east-1.amazonaws.com"
    assert settings["secret_key"] == "abc"
    assert "abc" not in repr(storage)


def test_a_store_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rosetta_hub.catalogue.storages.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"install 'rosetta-hub\[webdav\]'"):
        load({**DAV, "base_path": "/$USER"})


@pytest.mark.parametrize(
    ("base_path", "path"),
    [
        ("/srv/$USER", "/srv/alice"),
        ("/home/$SSH_USER/", "/home/al"),
        ("/srv/$USER-$SSH_USER/x", "/srv/alice-al/x"),
        ("/data", "/data"),
    ],
)
def test_path(base_path: str, path: str) -> None:
    result = loaded(base_path=base_path, computing=["cluster"])
    assert result.path("alice", "al") == path


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../bob", "a\0b", "a\nb", "a:b", "\udc80"])
def test_names_that_are_no_part_of_a_path(name: str) -> None:
    with pytest.raises(StorageRefused, match=r"^Data: the name .* can't be part of its path"):
        loaded(base_path="/srv/$USER").path(name, None)
    with pytest.raises(StorageRefused, match="SSH_USER"):
        loaded(base_path="/srv/$SSH_USER", computing="cluster").path("alice", name)


def test_names_are_not_expanded_again() -> None:
    assert loaded(base_path="/srv/$USER").path("$SSH_USER") == "/srv/$SSH_USER"


def test_an_account_that_is_not_known() -> None:
    result = loaded(base_path="/srv/$SSH_USER", computing="cluster")
    with pytest.raises(StorageRefused, match="account there is not known"):
        result.path("alice", None)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"bind_path": "/"}, "nothing can be bound at '/', because containers need '/usr'"),
        ({"bind_path": "/opt"}, "because containers need '/opt/rosetta'"),
        ({"bind_path": "/lib64/"}, "because containers need '/lib64'"),
        ({"bind_path": "/etc/ssl"}, "because containers need '/etc'"),
        ({"bind_path": "/tmp"}, "because containers need '/tmp'"),
        ({"bind_path": "/var"}, "because containers need '/var'"),
        ({"bind_path": "/data/../etc"}, "without '.', '..' and double slashes"),
        ({"bind_path": "/a//b"}, "without '.', '..' and double slashes"),
        ({"bind_path": "data"}, "write an absolute path"),
        ({"bind_path": "/a:b"}, "no colons and no commas"),
        ({"base_path": "/a,b"}, "no colons and no commas"),
        ({"base_path": "/a\nb"}, "no control characters"),
        ({"base_path": "/a\0b"}, "no control characters"),
        ({"base_path": "/a/\udce9"}, "unable to parse raw data as a unicode"),
        ({"base_path": "srv"}, "write an absolute path"),
        ({"base_path": "/srv/../$USER"}, "without '.', '..'"),
        ({"base_path": "/srv/$HOME"}, "'$HOME' is not known here: use $USER or $SSH_USER"),
        ({"base_path": "/srv/${USER}"}, "'${USER}' is not known here"),
        ({"base_path": "/srv/$USERS"}, "'$USERS' is not known here"),
        ({"base_path": "/"}, "'base_path' is all of the machine"),
        ({"home": True, "bind_path": ""}, "a home needs a 'bind_path'"),
        ({"create": True, "read_only": True}, "'create' makes an empty directory"),
        ({"computing": None}, "name their resources in 'computing'"),
        ({"computing": [], "access_through_computing": True}, "needs the key 'computing'"),
        ({"conf": {}}, "key 'conf' is not used"),
        ({"access_mode": "ssh"}, "key 'access_mode' is not used"),
        ({**OWN, "access_mode": "api"}, "access_mode must be one of local, ssh, not 'api'"),
        ({**OWN, "auth_mode": "internal"}, "must be one of user_keys, platform_keys here"),
        ({**OWN, "auth_mode": "platform_keys"}, "needs the key 'conf.user'"),
        ({**OWN, "conf": {}}, "the key 'conf.host' is required"),
        ({"type": "tape"}, "key 'type'"),
        ({"owner": 0}, "key 'owner': use 'service', 'system', or the uid"),
        ({"owner": True}, "key 'owner': use 'service'"),
        ({"owner": -1}, "key 'owner': use 'service'"),
        ({"owner": "alice"}, "key 'owner': use 'service'"),
        ({"path": "/srv"}, "unknown key 'path'"),
    ],
)
def test_refused_entries(keys: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(storage(**keys))
    message = str(error.value)
    assert message.startswith("c.Rosetta.storages entry 1 ('Data'): ")
    assert expected in message


@pytest.mark.parametrize(
    "path", ["/usr/share/data", "/var/data", "/home/metauser", "/data", "/mnt"]
)
def test_paths_that_hide_nothing(path: str) -> None:
    assert loaded(bind_path=path).bind_path == path


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"computing": ["vega"]}, "key 'computing' names ['vega'], which c.Rosetta.computing has"),
        (
            {"computing": "rest"},
            "files can't be reached through 'rest', whose access_mode is",
        ),
        ({"computing": "local", "base_path": "/$SSH_USER"}, "is not known on 'local'"),
        ({"computing": "docker", **OWN}, "Set 'owner' to a uid, or 'read_only' to True"),
        ({"computing": "docker", **OWN, "owner": "system"}, "Set 'owner' to a uid"),
        (
            {"computing": "cluster", "owner": "system"},
            "over SSH and in Slurm files are",
        ),
        (
            {"computing": "rest", **OWN, "owner": 1000},
            "over SSH and in Slurm files are",
        ),
        (
            {"computing": "cluster", "access_through_computing": False, "base_path": "/$SSH_USER"},
            "needs 'access_mode' to be 'ssh'",
        ),
    ],
)
def test_storages_that_do_not_fit_their_resources(keys: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(storage(**keys))
    message = str(error.value)
    assert message.startswith("c.Rosetta.storages entry 'data': ")
    assert expected in message


@pytest.mark.parametrize(
    "keys",
    [
        {"computing": ["cluster", "rest"], "base_path": "/home/$SSH_USER"},
        {"computing": "docker", **OWN, "owner": 1000},
        {"computing": "docker", **OWN, "read_only": True},
        {"computing": ["local", "cluster"], "owner": "system"},
        {"base_path": "/", "bind_path": "", "computing": "cluster"},
    ],
)
def test_storages_that_fit(keys: dict[str, Any]) -> None:
    loaded(**keys)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({}, {}, "would have '/storages/data' and '/storages/data' in one place"),
        ({}, {"bind_path": "/storages"}, "'/storages/data' and '/storages' in one place"),
        ({}, {"bind_path": "/storages/data/x"}, "'/storages/data/x' in one place"),
        ({"users": ["a"]}, {"users": ["a", "b"]}, "in one place"),
        ({"users": ["a"]}, {"groups": ["g"]}, "in one place"),
        ({"users": ["a"]}, {"users": ["b"], "groups": ["g"]}, "in one place"),
        ({"computing": ["cluster", "local"]}, {}, "tasks on 'local'"),
        ({"home": True}, {"home": True, "bind_path": "/home/b"}, "would have two homes"),
    ],
)
def test_two_storages_in_one_place(
    first: dict[str, Any], second: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ConfigError) as error:
        load(storage(id="one", **first), storage(id="two", **second))
    message = str(error.value)
    assert message.startswith("c.Rosetta.storages entries 'one' and 'two': tasks on ")
    assert expected in message


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"users": ["a"]}, {"users": ["b"]}),
        ({"computing": "cluster"}, {}),
        ({"bind_path": ""}, {}),
        ({"bind_path": "/storages/data2"}, {}),
    ],
)
def test_two_storages_that_are_in_nobodys_way(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    catalogue = load(storage(id="one", **first), storage(id="two", **second))
    assert list(catalogue.storages) == ["one", "two"]


def test_two_storages_of_one_name() -> None:
    with pytest.raises(ConfigError, match="two entries are called 'data'"):
        load(storage(), storage(bind_path="/storages/other"))


@pytest.mark.parametrize(
    ("base_path", "refused"),
    [
        ("{state}", True),
        ("{parent}", True),
        ("{parent}/$USER", True),
        ("{state}/$USER", True),
        ("{state}/x-$USER/y", False),
        ("{state}/homes/$USER", False),
        ("{state}/homes", False),
        ("/srv/$USER", False),
    ],
)
def test_users_never_find_the_keys_of_the_hub(
    tmp_path: Path, base_path: str, refused: bool
) -> None:
    state = tmp_path / "state"
    entry = storage(base_path=base_path.format(state=state, parent=tmp_path))
    settings = Rosetta(
        tasks_url="http://127.0.0.1", computing=[LOCAL], storages=[entry], state_dir=str(state)
    )
    if not refused:
        settings.check()
        return
    with pytest.raises(ConfigError, match=r"entry 'data': users would find c\.Rosetta\.state_dir"):
        settings.check()


def test_the_state_directory_by_another_name(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    settings = Rosetta(
        tasks_url="http://127.0.0.1",
        computing=[LOCAL],
        storages=[storage(base_path=f"{tmp_path}/real")],
        state_dir=f"{tmp_path}/link",
    )
    with pytest.raises(ConfigError, match=r"would find c\.Rosetta\.state_dir"):
        settings.check()


@pytest.mark.parametrize(
    ("keys", "missing"),
    [
        ({"base_path": "{base}/$USER"}, None),
        ({"base_path": "{base}/homes/$USER"}, "{base}/homes"),
        ({"base_path": "{base}/homes/$USER", "create": True}, "{base}/homes"),
        ({"base_path": "{base}/shared", "create": True}, None),
        ({"base_path": "{base}/shared"}, "{base}/shared"),
        ({"base_path": "{base}/x/$USER/y/$USER"}, "{base}/x"),
        ({"base_path": "{base}/shared", "computing": "cluster"}, None),
    ],
)
def test_missing_directories_of_this_machine(
    tmp_path: Path, keys: dict[str, Any], missing: str | None
) -> None:
    entry = storage(**keys | {"base_path": keys["base_path"].format(base=tmp_path)})
    advice = list(storage_advice(load(entry)))
    if missing is None:
        assert advice == []
        return
    (message,) = advice
    assert repr(missing.format(base=tmp_path)) in message


@pytest.mark.parametrize(
    ("uid", "owner", "warned"),
    [(0, "system", False), (1000, "system", True), (1000, 1000, False), (1000, 1001, True)],
)
def test_owners_that_only_root_can_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, owner: str | int, warned: bool
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    advice = list(storage_advice(load(storage(base_path=str(tmp_path), owner=owner))))
    assert ["has to be root" in message for message in advice] == [True] * warned


def account(name: str, uid: int) -> pwd.struct_passwd:
    return pwd.struct_passwd((name, "x", uid, 4242, "", "/", "/bin/sh"))


def test_owners(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    login_defs = tmp_path / "login.defs"
    login_defs.write_text("# UID_MIN 1\nUID_MIN\t\t 500\n")
    monkeypatch.setattr(owners, "LOGIN_DEFS", login_defs)
    uids = {"alice": 5000, "old": 500, "root": 0, "postgres": 110, "nobody": 65534}
    monkeypatch.setattr(pwd, "getpwnam", lambda name: account(name, uids[name]))
    assert local_owner("service", "alice") is None
    assert local_owner("system", "alice") == Owner(5000, 4242)
    assert local_owner("system", "old") == Owner(500, 4242)
    for name in ("root", "postgres", "nobody"):
        with pytest.raises(StorageRefused, match="belongs to the system"):
            local_owner("system", name)
    for name in ("carol", "a\0b"):
        with pytest.raises(StorageRefused, match="no account"):
            local_owner("system", name)
    login_defs.unlink()
    with pytest.raises(StorageRefused, match="belongs to the system"):
        local_owner("system", "old")


def test_the_group_of_a_uid() -> None:
    here = pwd.getpwuid(os.getuid())
    assert local_owner(here.pw_uid, "alice") == Owner(here.pw_uid, here.pw_gid)
    assert local_owner(4_000_000_000, "alice") == Owner(4_000_000_000, 4_000_000_000)
