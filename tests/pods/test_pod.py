"""The pod and the secret of a task."""

from typing import Any

import pytest

from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.conf_kubernetes import KubernetesConf
from rosetta_hub.catalogue.software import Software
from rosetta_hub.database.models import Task
from rosetta_hub.resources.kubernetes.pod import build_pod, build_secret
from rosetta_hub.resources.wms import JobRefused

from .objects import NAME, NAMESPACE, UID, computing, pod, task

Document = dict[str, Any]


def build(
    software: Document | None = None, cloud: Computing | None = None, row: Task | None = None
) -> Document:
    cloud = cloud or computing()
    assert isinstance(cloud.conf, KubernetesConf)
    described = Software.model_validate(
        {"name": "Web", "registry": "example.org", "image_name": "web", **(software or {})}
    )
    return build_pod(NAME, row or task(), described, cloud, cloud.conf, "0123abcd", 20.0)


# A task outlives a loss of its node's connection, however long.
LOST_NODE = [
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"},
    {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"},
]


def test_the_smallest_pod_in_full() -> None:
    amounts = {"cpu": "500m", "memory": "268435456"}
    assert build() == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": NAME,
            "namespace": NAMESPACE,
            "labels": {
                "rosetta-hub/deployment": "0123abcd",
                "rosetta-hub/task": "00112233aabb",
                "rosetta-hub/attempt": "1",
            },
        },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 20,
            "activeDeadlineSeconds": 3600,
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "tolerations": LOST_NODE,
            "containers": [
                {
                    "name": "task",
                    "image": "example.org/web:latest",
                    "imagePullPolicy": "IfNotPresent",
                    "envFrom": [{"secretRef": {"name": NAME}}],
                    "resources": {"limits": amounts, "requests": amounts},
                    "securityContext": {
                        "privileged": False,
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": False,
                        "capabilities": {"drop": ["NET_RAW"]},
                    },
                }
            ],
        },
    }


def test_everything_that_can_be_set() -> None:
    cloud = computing(
        container_engines=["internal[runc,kata]"],
        disk_limit="1G",
        conf={
            "runtime_classes": {"kata": "kata-qemu"},
            "pools": {"big": {"example.org/pool": "big"}},
            "gpu_resource": "amd.com/gpu",
            "tolerations": [{"key": "dedicated", "value": "hub", "effect": "NoSchedule"}],
            "image_pull_secrets": ["site"],
            "pod_labels": {"example.org/team": "hub", "rosetta-hub/task": "another"},
        },
    )
    software = {
        "command": ["serve", "--all"],
        "pull": "always",
        "read_only_root": True,
        "container_user": "1000:100",
        "image_arch": "arm64/v8",
        "add_capabilities": ["CAP_SYS_NICE"],
        "new_privileges": True,
    }
    row = task(runtime="kata", request={"time": 60, "gpus": 2, "partition": "big"})
    result = build(software, cloud, row)
    spec, (container,) = result["spec"], result["spec"]["containers"]
    assert result["metadata"]["labels"]["example.org/team"] == "hub"
    # A label of the site's can't make it another task's.
    assert result["metadata"]["labels"]["rosetta-hub/task"] == "00112233aabb"
    assert spec["runtimeClassName"] == "kata-qemu"
    assert spec["nodeSelector"] == {"example.org/pool": "big", "kubernetes.io/arch": "arm64"}
    assert spec["tolerations"] == [
        {"key": "dedicated", "operator": "Equal", "value": "hub", "effect": "NoSchedule"},
        *LOST_NODE,
    ]
    assert spec["imagePullSecrets"] == [{"name": "site"}]
    assert spec["volumes"] == [{"name": "tmp", "emptyDir": {}}, {"name": "run", "emptyDir": {}}]
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp", "/run"]
    assert container["args"] == ["serve", "--all"]
    assert container["imagePullPolicy"] == "Always"
    assert container["resources"]["limits"]["amd.com/gpu"] == "2"
    assert container["resources"]["limits"]["ephemeral-storage"] == str(1 << 30)
    assert container["securityContext"] == {
        "privileged": False,
        "allowPrivilegeEscalation": True,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["NET_RAW"], "add": ["SYS_NICE"]},
        "runAsUser": 1000,
        "runAsGroup": 100,
    }


def test_a_user_by_name_is_refused() -> None:
    with pytest.raises(JobRefused, match="numbers"):
        build({"container_user": "www-data"})


def test_nothing_of_the_environment_is_in_the_pod() -> None:
    result = build({"environment": {"KEY": "s3cret"}})
    assert "s3cret" not in str(result)


def test_the_secret_goes_with_its_pod() -> None:
    secret = build_secret(pod(), {"KEY": "s3cret"})
    assert secret["stringData"] == {"KEY": "s3cret"}
    assert secret["metadata"]["name"] == NAME
    (owner,) = secret["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("Pod", UID)


def test_a_queue_an_account_and_labels_of_the_site() -> None:
    conf = {
        "queue": "interactive",
        "service_account": "tasks",
        "pod_labels": {"example.org/cost": "a" * 63, "rosetta-hub/task": "another"},
    }
    result = build(cloud=computing(conf=conf))
    labels = result["metadata"]["labels"]
    assert labels["kueue.x-k8s.io/queue-name"] == "interactive"
    assert labels["example.org/cost"] == "a" * 63
    # By which the hub finds its pods, nothing else sets.
    assert labels["rosetta-hub/task"] == "00112233aabb"
    assert result["spec"]["serviceAccountName"] == "tasks"
    assert result["spec"]["automountServiceAccountToken"] is False
