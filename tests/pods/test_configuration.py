"""Which entries of `c.Rosetta.computing` are Kubernetes clusters, and what their tasks may ask."""

from typing import Any

import pytest
from pydantic import ValidationError

from rosetta_hub.catalogue.catalogue import load_catalogue
from rosetta_hub.catalogue.computing_view import RANDOM_USER, view_computing
from rosetta_hub.catalogue.conf_kubernetes import KubectlConf, KubectlSshConf, NamespaceConf
from rosetta_hub.catalogue.queue_request import QueueRequest, resolve_request
from rosetta_hub.errors import ConfigError, InvalidOptions

from .objects import computing


def test_a_cluster_has_a_queue_and_a_tunnel_through_its_api_server() -> None:
    cloud = computing()
    assert (cloud.has_queue, cloud.auth_mode, cloud.tunnel) == (True, "certificate", "portforward")


@pytest.mark.parametrize("kind", ["portforward", "pod", "reverse"])
def test_how_the_edge_reaches_pods_can_be_chosen(kind: str) -> None:
    cloud = computing(conf={"tunnel": kind, "agent_image": "docker.io/library/python:3.12-slim"})
    assert cloud.tunnel == kind


LOGIN = {"host": "login", "user": "rosetta", "key_file": "/key", "known_hosts": "/known"}
KUBECTL_MODES: list[tuple[str, dict[str, Any], type[NamespaceConf], str]] = [
    ("local", {}, KubectlConf, "certificate"),
    ("ssh", {**LOGIN, "kubeconfig": None}, KubectlSshConf, "platform_keys"),
]


@pytest.mark.parametrize(("access", "conf", "model", "auth"), KUBECTL_MODES)
def test_kubectl_logs_in_here_or_on_a_login_node(
    access: str, conf: dict[str, Any], model: type[NamespaceConf], auth: str
) -> None:
    cloud = computing(access_mode=access, conf=conf)
    assert (type(cloud.conf), cloud.auth_mode, cloud.has_queue) == (model, auth, True)
    assert cloud.tunnel == "portforward"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"max_time": None}, "max_time"),
    ({"container_engines": ["docker"]}, "internal"),
    ({"container_engines": ["internal", "docker"]}, "internal"),
    ({"submit_options": ["--x"]}, "submit_options"),
    ({"conf": {"in_cluster": True}}, "in_cluster"),
    ({"conf": {"kubeconfig": None}}, "in_cluster"),
    ({"conf": {"kubeconfig": None, "in_cluster": True, "context": "a"}}, "context"),
    ({"conf": {"namespace": "-no-"}}, "namespace"),
    ({"conf": {"work_dir": "/scratch"}}, "work_dir"),
    ({"conf": {"pull_proxy": "http://proxy"}}, "pull_proxy"),
    ({"conf": {"runtime_classes": {"kata": "kata-qemu"}}}, "runtime_classes"),
    ({"conf": {"tolerations": [{"key": "a", "operator": "Is"}]}}, "operator"),
    ({"conf": {"tunnel": "ssh"}}, "tunnel"),
    ({"conf": {"tunnel": "reverse"}}, "agent_image"),
    ({"conf": {"agent_image": "--rm python"}}, "agent_image"),
    ({"access_mode": "local", "conf": {"kubeconfig": None}}, "kubeconfig"),
    ({"access_mode": "local", "conf": {"in_cluster": True}}, "in_cluster"),
    ({"access_mode": "local", "container_engines": ["docker"]}, "internal"),
    ({"access_mode": "ssh", "auth_mode": "user_keys", "conf": LOGIN}, "auth_mode"),
    ({"access_mode": "ssh", "conf": {**LOGIN, "key_file": None}}, "key_file"),
    ({"access_mode": "ssh", "conf": {**LOGIN, "prologue": ["module load x"]}}, "prologue"),
    ({"sizes": [{"name": "s", "gpu_type": "a100"}]}, "gpu_type"),
    ({"sizes": [{"name": "s", "partition": "big"}]}, "pools"),
]


@pytest.mark.parametrize(("changes", "named"), REFUSED)
def test_what_could_not_run_is_refused_when_it_is_loaded(
    changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        computing(**changes)


def test_the_engine_is_of_kubernetes_alone() -> None:
    with pytest.raises(ConfigError, match="internal"):
        load_catalogue([], [{"name": "Here", "container_engines": ["internal"]}])


@pytest.mark.parametrize("key", ["account", "qos", "constraint", "reservation", "gpu_type"])
def test_what_a_cluster_can_not_be_asked_for_is_refused(key: str) -> None:
    with pytest.raises(InvalidOptions, match=key):
        resolve_request(QueueRequest.model_validate({key: "word"}), None, computing())


def test_a_pool_has_to_be_one_of_the_configured() -> None:
    cloud = computing(conf={"pools": {"big": {"example.org/pool": "big"}}})
    request = resolve_request(QueueRequest(partition="big"), None, cloud)
    assert (request.partition, request.time) == ("big", 12 * 3600)
    with pytest.raises(InvalidOptions, match="`big`"):
        resolve_request(QueueRequest(partition="small"), None, cloud)


def test_the_kubeconfig_of_a_login_node_is_no_file_of_this_machine() -> None:
    conf = {"host": "login", "namespace": "a", "kubeconfig": "/home/r/config", "key_file": "/key"}
    assert set(KubectlSshConf.model_validate(conf).files()) == {"key_file"}


@pytest.mark.parametrize("kubectl", ["kubectl proxy", "bin/kubectl", ""])
def test_kubectl_is_a_name_or_an_absolute_path(kubectl: str) -> None:
    conf = {"namespace": "a", "kubeconfig": "/config"}
    assert KubectlConf.model_validate(conf).kubectl == "kubectl"
    with pytest.raises(ValidationError, match="kubectl"):
        KubectlConf.model_validate({**conf, "kubectl": kubectl})


@pytest.mark.parametrize("value", ["a" * 64, "-a", "a b", "ä"])
def test_labels_that_the_server_would_refuse_are_refused_before(value: str) -> None:
    for conf in ({"pod_labels": {"one": value}}, {"pools": {"gpu": {"one": value}}}):
        with pytest.raises(ConfigError, match="63 letters"):
            computing(conf=conf)


def test_random_users_are_told_where_the_resource_is_chosen() -> None:
    described = {"description": "Fast."}
    assert view_computing(computing(**described)).description == "Fast."
    cloud = computing(**described, conf={"random_user": True})
    assert view_computing(cloud).description == f"Fast. {RANDOM_USER}"
