"""The metrics API (metrics.k8s.io/v1beta1) of the test cluster, in the place of metrics-server.

Debian has no metrics-server. What is told here comes of the same source: the kubelets, who measure
their containers. The API server has it as an aggregated API, and looks at rights, as elsewhere.
"""

import asyncio
import contextlib
import functools
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.kubernetes.client import ApiRefused
from rosetta_hub.resources.kubernetes.states import parse_time
from tests.e2e.deployment import eventually
from tests.support.certificates import make_certificate

from .cluster import KubernetesCluster

Document = dict[str, Any]
VERSION = "metrics.k8s.io/v1beta1"
PREFIX = f"/apis/{VERSION}"
SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
# Seconds between two looks at the nodes.
INTERVAL = 5.0
SYSTEM = "/api/v1/namespaces/kube-system"
NAME = "test-metrics"


@dataclass
class _Measured:
    """A container at a time: nanoseconds of its cores until then, and bytes."""

    time: datetime
    nanoseconds: int
    memory: int


@dataclass
class NodeMetrics:
    """What the kubelets say of the containers of one namespace, by pod and container."""

    cluster: KubernetesCluster
    namespace: str
    last: dict[tuple[str, str], tuple[_Measured, _Measured]] = field(default_factory=dict)

    async def measure_loop(self) -> None:
        """Ask each node again and again; one that does not answer keeps nobody from the others."""
        while True:
            for node in (await self.cluster.admin.call("GET", "/api/v1/nodes"))["items"]:
                with contextlib.suppress(ApiRefused, ResourceUnavailable):
                    await self._measure(node["metadata"]["name"])
            await asyncio.sleep(INTERVAL)

    async def _measure(self, node: str) -> None:
        path = f"/api/v1/nodes/{node}/proxy/stats/summary"
        for pod in (await self.cluster.admin.call("GET", path)).get("pods") or []:
            if pod["podRef"]["namespace"] == self.namespace:
                for container in pod.get("containers") or []:
                    self._add(pod["podRef"]["name"], container)

    def _add(self, pod: str, container: Document) -> None:
        cpu, memory = container.get("cpu") or {}, container.get("memory") or {}
        time = parse_time(cpu.get("time"))
        if time is None or "usageCoreNanoSeconds" not in cpu:
            return
        result = _Measured(time, cpu["usageCoreNanoSeconds"], memory.get("workingSetBytes", 0))
        key = (pod, container["name"])
        _, before = self.last.get(key, (result, result))
        if result.time > before.time:
            self.last[key] = (before, result)
        else:
            self.last.setdefault(key, (result, result))

    async def list_pods(self, selector: str) -> list[Document]:
        """The pods with these labels that have been measured twice, as metrics-server does."""
        path = f"/api/v1/namespaces/{self.namespace}/pods"
        query = {"labelSelector": selector}
        pods = (await self.cluster.admin.call("GET", path, query=query))["items"]
        values = (self._describe(pod) for pod in pods)
        return [item for item in values if item["containers"]]

    def _describe(self, pod: Document) -> Document:
        name = pod["metadata"]["name"]
        measured = {
            container: pair
            for (owner, container), pair in self.last.items()
            if owner == name and pair[1].time > pair[0].time
        }
        pairs = [*measured.values()]
        return {
            "metadata": {"name": name, "namespace": self.namespace},
            "timestamp": pairs[0][1].time.strftime("%Y-%m-%dT%H:%M:%SZ") if pairs else None,
            "window": f"{_seconds(pairs[0]):.3f}s" if pairs else None,
            "containers": [
                {"name": container, "usage": _describe_usage(pair)}
                for container, pair in measured.items()
            ],
        }


def _seconds(pair: tuple[_Measured, _Measured]) -> float:
    return (pair[1].time - pair[0].time).total_seconds()


def _describe_usage(pair: tuple[_Measured, _Measured]) -> dict[str, str]:
    cores = (pair[1].nanoseconds - pair[0].nanoseconds) / _seconds(pair)
    return {"cpu": f"{round(cores)}n", "memory": f"{pair[1].memory // 1024}Ki"}


class _Discovery(RequestHandler):
    """What there is; the API server asks for it to see whether somebody answers."""

    def get(self) -> None:
        pods = {"name": "pods", "namespaced": True, "kind": "PodMetrics", "verbs": ["get", "list"]}
        self.write({"kind": "APIResourceList", "groupVersion": VERSION, "resources": [pods]})


class _Pods(RequestHandler):
    """The metrics of a namespace."""

    def initialize(self, metrics: NodeMetrics) -> None:
        self._metrics = metrics

    async def get(self) -> None:
        items = await self._metrics.list_pods(self.get_argument("labelSelector", ""))
        self.write({"kind": "PodMetricsList", "apiVersion": VERSION, "items": items})


@contextlib.asynccontextmanager
async def metrics_api(
    cluster: KubernetesCluster, folder: Path, namespace: str
) -> AsyncIterator[None]:
    """The cluster with metrics of a namespace."""
    address = cluster.ports["machine"]
    metrics = NodeMetrics(cluster, namespace)
    handlers: list[Any] = [
        (PREFIX, _Discovery),
        (f"{PREFIX}/namespaces/{namespace}/pods", _Pods, {"metrics": metrics}),
    ]
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*make_certificate(folder, f"{NAME}.kube-system.svc"))
    server = HTTPServer(Application(handlers), ssl_options=tls)
    socket, port = bind_unused_port(address=address)
    server.add_socket(socket)
    measuring = asyncio.create_task(metrics.measure_loop(), name="metrics of nodes")
    try:
        async with _registered(cluster, address, port):
            yield
    finally:
        measuring.cancel()
        server.stop()
        await server.close_all_connections()


@contextlib.asynccontextmanager
async def _registered(cluster: KubernetesCluster, address: str, port: int) -> AsyncIterator[None]:
    metadata = {"name": NAME}
    ports = [{"name": "https", "port": 443, "targetPort": port}]
    endpoints = [{"addresses": [{"ip": address}], "ports": [{"name": "https", "port": port}]}]
    spec = {
        "group": "metrics.k8s.io",
        "version": "v1beta1",
        "service": {"namespace": "kube-system", "name": NAME},
        "insecureSkipTLSVerify": True,
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
    }
    registration = {"metadata": {"name": "v1beta1.metrics.k8s.io"}, "spec": spec}
    async with (
        cluster.having(f"{SYSTEM}/services", {"metadata": metadata, "spec": {"ports": ports}}),
        cluster.having(f"{SYSTEM}/endpoints", {"metadata": metadata, "subsets": endpoints}),
        cluster.having(SERVICES, registration),
    ):
        await eventually(functools.partial(_is_available, cluster), "metrics are there", 30)
        yield


async def _is_available(cluster: KubernetesCluster) -> bool:
    path = f"{SERVICES}/v1beta1.metrics.k8s.io"
    conditions = (await cluster.admin.call("GET", path)).get("status", {}).get("conditions") or []
    return any(
        (condition["type"], condition["status"]) == ("Available", "True")
        for condition in conditions
    )
