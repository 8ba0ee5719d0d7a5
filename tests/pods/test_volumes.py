"""Storages of a task as its pod has them."""

import os
import pwd
from typing import Any

import pytest

from rosetta_hub.catalogue.bound_storages import BoundStorage
from rosetta_hub.catalogue.conf_kubernetes import KubernetesConf
from rosetta_hub.catalogue.software import Software
from rosetta_hub.resources.kubernetes.pod import build_pod
from rosetta_hub.resources.kubernetes.volumes import home_environment
from rosetta_hub.resources.wms import JobRefused

from .objects import NAME, computing, task

Document = dict[str, Any]
ANY = {"any_user": True}


def bound(**changes: Any) -> Document:
    """A storage as the row of a task has it."""
    keys = {
        "id": "home",
        "name": "Home",
        "claim": "homes",
        "source": "/$USER",
        "target": "/home/metauser",
        "owner": 1000,
    }
    return BoundStorage.model_validate({**keys, **changes}).model_dump(mode="json")


HOST = {"claim": "", "source": "/export/$USER"}
DATA = {"name": "Data", "claim": "data", "source": "/", "target": "/data", "read_only": True}


def build(*storages: Document, **software: Any) -> Document:
    """The spec of the pod."""
    cloud = computing(conf={"agent_image": "python:3.13"})
    assert isinstance(cloud.conf, KubernetesConf)
    web = Software.model_validate({"name": "Web", "image_name": "web", **ANY, **software})
    row = task(storages=list(storages))
    spec: Document = build_pod(NAME, row, web, cloud, cloud.conf, "0123abcd", 20.0)["spec"]
    return spec


def test_a_home_in_a_claim() -> None:
    spec = build(bound(home=True))
    (container,) = spec["containers"]
    claim = {"claimName": "homes", "readOnly": False}
    assert spec["volumes"] == [{"name": "storage-0", "persistentVolumeClaim": claim}]
    assert container["volumeMounts"] == [
        {"name": "storage-0", "mountPath": "/home/metauser", "subPath": "alice"}
    ]
    assert container["securityContext"]["runAsUser"] == 1000
    assert container["securityContext"]["runAsGroup"] == 1000
    assert spec["securityContext"] == {
        "seccompProfile": {"type": "RuntimeDefault"},
        "fsGroup": 1000,
        "fsGroupChangePolicy": "OnRootMismatch",
        # The image, which may be a stranger's, adds no groups.
        "supplementalGroupsPolicy": "Strict",
    }
    assert "initContainers" not in spec


def test_the_home_is_the_variable_home() -> None:
    assert home_environment(task(storages=[bound(home=True)])) == {"HOME": "/home/metauser"}
    assert home_environment(task(storages=[bound()])) == {}


def test_a_directory_of_the_nodes_has_to_be_there() -> None:
    spec = build(bound(**HOST))
    assert spec["volumes"] == [
        {"name": "storage-0", "hostPath": {"path": "/export/alice", "type": "Directory"}}
    ]
    assert "subPath" not in spec["containers"][0]["volumeMounts"][0]


def test_what_is_only_read_changes_no_user_and_no_group() -> None:
    spec = build(bound(**DATA), **{"any_user": False})
    (container,) = spec["containers"]
    assert spec["volumes"][0]["persistentVolumeClaim"]["readOnly"]
    assert container["volumeMounts"][0]["readOnly"]
    assert "runAsUser" not in container["securityContext"]
    assert "fsGroup" not in spec["securityContext"]


def test_one_claim_is_one_volume_which_is_written_to_if_any_storage_is() -> None:
    again = bound(**{**DATA, "claim": "homes", "source": "/shared"})
    spec = build(bound(), again, bound(**DATA))
    names = [volume["persistentVolumeClaim"]["claimName"] for volume in spec["volumes"]]
    assert names == ["homes", "data"]
    assert not spec["volumes"][0]["persistentVolumeClaim"]["readOnly"]
    mounts = spec["containers"][0]["volumeMounts"]
    assert [(mount["name"], mount.get("readOnly", False)) for mount in mounts] == [
        ("storage-0", False),
        ("storage-0", True),
        ("storage-1", True),
    ]


def test_a_missing_directory_of_a_claim_is_made_as_its_owner_before() -> None:
    spec = build(bound(create=True))
    (maker,) = spec["initContainers"]
    assert maker["image"] == "python:3.13"
    assert maker["command"][-1] == "/storages/storage-0/alice"
    assert maker["securityContext"]["runAsUser"] == 1000
    assert maker["volumeMounts"] == [{"name": "storage-0", "mountPath": "/storages/storage-0"}]


def test_a_read_only_root_keeps_its_own_volumes() -> None:
    spec = build(bound(), read_only_root=True)
    assert [volume["name"] for volume in spec["volumes"]] == ["tmp", "run", "storage-0"]


def test_a_bind_of_the_users_own_is_below_the_volume_of_what_is_allowed() -> None:
    bind = {"id": None, "name": "/data/m31", "claim": "", "within": "/data"}
    spec = build(
        bound(),
        bound(**bind, source="/data/m31/.raw", target="/raw"),
        bound(**bind, source="/data", target="/all"),
    )
    assert [volume.get("hostPath") for volume in spec["volumes"]] == [
        None,
        {"path": "/data", "type": "Directory"},
    ]
    mounts = spec["containers"][0]["volumeMounts"][1:]
    assert [(mount["name"], mount.get("subPath")) for mount in mounts] == [
        ("storage-1", "m31/.raw"),
        ("storage-1", None),
    ]


def test_the_owner_may_be_the_account_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = pwd.struct_passwd(("alice", "x", 4321, 100, "", "/", ""))
    monkeypatch.setattr(pwd, "getpwnam", lambda name: entry)
    monkeypatch.setattr(os, "getgrouplist", lambda name, gid: [gid, 0, 300, 200])
    spec = build(bound(owner="system"))
    assert spec["containers"][0]["securityContext"]["runAsUser"] == 4321
    assert spec["securityContext"]["fsGroup"] == 100
    assert spec["securityContext"]["supplementalGroups"] == [200, 300]


REFUSED: list[tuple[list[Document], Document, str]] = [
    ([bound()], {"any_user": False}, "belong to user 1000"),
    ([bound()], {"container_user": "0"}, "belong to user 1000"),
    ([bound(), bound(name="Project", owner=2000)], {}, "Home and Project belong to different"),
    ([bound(id=None, claim="", source="/d", within="/d")], {}, "with your home only"),
    ([bound(claim="claim-$USER!")], {}, "lowercase"),
]


@pytest.mark.parametrize(("storages", "software", "text"), REFUSED)
def test_files_that_would_be_nobodys_are_refused(
    storages: list[Document], software: Document, text: str
) -> None:
    with pytest.raises(JobRefused, match=text):
        build(*storages, **software)


def test_an_image_that_is_told_to_run_as_the_owner() -> None:
    spec = build(bound(), any_user=False, container_user="1000:100")
    assert spec["containers"][0]["securityContext"]["runAsUser"] == 1000
