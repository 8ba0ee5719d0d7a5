"""`rosetta-hub kubernetes manifests`: what the administrator of a cluster applies."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from rosetta_hub.cli import build_parser, load_settings, main
from rosetta_hub.errors import ConfigError
from rosetta_hub.resources.kubernetes.command import kubernetes_text
from rosetta_hub.resources.kubernetes.rights import RIGHTS, build_rules

from .objects import entry, pod

CONFIG = """
c.Rosetta.tasks_url = "http://127.0.0.1"
c.Rosetta.hub_url = "http://localhost:8000/base"
c.Rosetta.state_dir = {state!r}
c.Rosetta.computing = {computing!r}
"""
Document = dict[str, Any]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A hub's configuration with a cluster and another resource."""
    path = tmp_path / "jupyterhub_config.py"
    here = {"id": "here", "name": "Here", "container_engines": ["docker"]}
    computing = [entry(default_cpus=0.5, default_memory="2G"), here]
    path.write_text(CONFIG.format(state=str(tmp_path), computing=computing))
    return path


def run(config: Path, *arguments: str) -> str:
    """What the command prints."""
    words = ["kubernetes", "--config", str(config), "manifests", *arguments]
    options = build_parser().parse_args(words)
    return kubernetes_text(load_settings(Path(options.config)), options)


def objects(text: str) -> dict[str, Document]:
    """The objects by kind, of which none is there twice."""
    documents = list(yaml.safe_load_all(text))
    by_name = {document["kind"]: document for document in documents}
    assert len(by_name) == len(documents)
    return by_name


def test_no_kubeconfig_is_needed_before_there_is_an_account(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["kubernetes", "--config", str(config), "manifests", "cloud"]) == 0
    assert "RoleBinding" in objects(capsys.readouterr().out)


def test_an_account_is_made_and_gets_the_rights(config: Path) -> None:
    result = objects(run(config, "cloud"))
    assert [*result] == [
        *("Namespace", "ServiceAccount", "Secret", "Role", "RoleBinding", "NetworkPolicy"),
    ]
    assert result["Role"]["rules"] == build_rules(RIGHTS)
    account = {"kind": "ServiceAccount", "namespace": "rosetta", "name": "rosetta-hub"}
    assert result["RoleBinding"]["subjects"] == [account]
    assert result["RoleBinding"]["roleRef"]["name"] == result["Role"]["metadata"]["name"]
    assert result["Secret"]["metadata"]["annotations"] == {
        "kubernetes.io/service-account.name": result["ServiceAccount"]["metadata"]["name"]
    }
    for document in result.values():
        expected = None if document["kind"] == "Namespace" else "rosetta"
        assert document["metadata"].get("namespace") == expected


@pytest.mark.parametrize(
    ("arguments", "subject"),
    [
        (
            ("--user", "hub@example.org"),
            {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "hub@example.org"},
        ),
        (("--account", "hub"), {"kind": "ServiceAccount", "namespace": "rosetta", "name": "hub"}),
        (("--account", "jhub:hub"), {"kind": "ServiceAccount", "namespace": "jhub", "name": "hub"}),
    ],
)
def test_an_account_that_is_there_gets_the_rights(
    config: Path, arguments: tuple[str, ...], subject: Document
) -> None:
    result = objects(run(config, "cloud", *arguments))
    assert result["RoleBinding"]["subjects"] == [subject]
    assert not {"ServiceAccount", "Secret"} & result.keys()


def test_the_policy_is_about_the_pods_of_tasks(config: Path) -> None:
    spec = objects(run(config, "cloud"))["NetworkPolicy"]["spec"]
    (expression,) = spec["podSelector"]["matchExpressions"]
    assert expression["operator"] == "Exists"
    assert expression["key"] in pod()["metadata"]["labels"]
    # Nobody is admitted.
    assert (spec["policyTypes"], spec.get("ingress")) == (["Ingress"], None)


EDGES: list[tuple[str, Document]] = [
    ("192.0.2.7/32", {"ipBlock": {"cidr": "192.0.2.7/32"}}),
    (
        "jhub",
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "jhub"}}},
    ),
]


@pytest.mark.parametrize(("edge", "peer"), EDGES)
def test_an_edge_that_connects_to_pods_is_admitted(config: Path, edge: str, peer: Document) -> None:
    spec = objects(run(config, "cloud", "--edge", edge))["NetworkPolicy"]["spec"]
    assert spec["ingress"] == [{"from": [peer]}]


def test_a_policy_never_keeps_the_edge_away_from_pods(config: Path) -> None:
    config.write_text(config.read_text().replace("'namespace':", "'tunnel': 'pod', 'namespace':"))
    with pytest.raises(ConfigError, match="--edge"):
        run(config, "cloud")
    assert "ingress" in objects(run(config, "cloud", "--edge", "jhub"))["NetworkPolicy"]["spec"]


def test_a_quota_is_that_of_so_many_tasks(config: Path) -> None:
    quota = objects(run(config, "cloud", "--tasks", "20"))["ResourceQuota"]
    hard = {"pods": "20", "limits.cpu": "10000m", "limits.memory": str(20 * 2 * 2**30)}
    assert quota["spec"]["hard"] == hard


def _quota(tmp_path: Path, storages: list[Document], **conf: Any) -> Document:
    """That of ten tasks with a fifth of a core and 64 MiB each."""
    path = tmp_path / "jupyterhub_config.py"
    computing = [entry(default_cpus=0.2, default_memory="64M", conf={**conf, "agent_image": "py"})]
    text = CONFIG.format(state=str(tmp_path), computing=computing)
    path.write_text(f"{text}c.Rosetta.storages = {storages!r}\n")
    quota = objects(run(path, "cloud", "--tasks", "10"))["ResourceQuota"]
    hard: Document = quota["spec"]["hard"]
    return hard


def test_a_quota_counts_the_container_that_dials(tmp_path: Path) -> None:
    assert _quota(tmp_path, [], tunnel="reverse") == {
        "pods": "10",
        "limits.cpu": "7000m",
        "limits.memory": str(10 * (64 + 128) * 2**20),
    }


@pytest.mark.parametrize(("create", "cpu", "memory"), [(True, 10, 256), (False, 2, 64)])
def test_a_quota_counts_the_pods_of_files_and_what_makes_directories(
    tmp_path: Path, create: bool, cpu: int, memory: int
) -> None:
    storage = {"name": "Home", "computing": "cloud", "claim": "homes", "owner": 1000}
    more = {"base_path": "/$USER", "bind_path": "/home/user", "create": create}
    assert _quota(tmp_path, [{**storage, **more}]) == {
        "pods": "11",
        "limits.cpu": f"{(cpu + 1) * 1000}m",
        "limits.memory": str((10 * memory + 256) * 2**20),
    }


@pytest.mark.parametrize("tasks", ["0", "-1", "many"])
def test_a_quota_is_for_a_number_of_tasks(config: Path, tasks: str) -> None:
    with pytest.raises(SystemExit):
        run(config, "cloud", f"--tasks={tasks}")


@pytest.mark.parametrize("name", ["here", "nowhere"])
def test_another_resource_is_refused(config: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"There are: cloud\."):
        run(config, name)
