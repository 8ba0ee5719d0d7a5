"""Checks of a Kubernetes cluster with pods of their own: start, log, connections, neighbours."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable
from typing import Any

from rosetta_hub.check.context import Check, CheckFailed, CheckSkipped, Result
from rosetta_hub.check.kubernetes import KUBERNETES_CHECKS, KubernetesContext, build_example
from rosetta_hub.check.run import run_check
from rosetta_hub.errors import RosettaError
from rosetta_hub.kubernetes.client import ApiRefused
from rosetta_hub.resources.kubernetes.pod import CONTAINER
from rosetta_hub.resources.kubernetes.reasons import waiting_message
from rosetta_hub.resources.kubernetes.reports import build_report
from rosetta_hub.resources.kubernetes.states import build_job, has_ended
from rosetta_hub.resources.kubernetes.tunnels import find_address
from rosetta_hub.resources.wms import JobRequest
from rosetta_hub.targets import Target, TcpTarget, UnixTarget, open_target
from rosetta_hub.tunnels.routes import KubernetesRoute, Tunnel

Document = dict[str, Any]

PORT = 8888
AMOUNT = 64 << 20
READY = "rosetta-check listens"
CONNECTED, REFUSED = "rosetta-check connected", "rosetta-check did not connect"
# Seconds.
POLL_INTERVAL = 0.5
CONNECT_TIMEOUT = 20.0
LONGEST_TRANSFER = 15.0
REMOVAL_TIMEOUT = 90.0
# After which the cluster ends a pod that nobody has removed.
LONGEST_LIFE = 1800
# What a tiny pod asks for, where the resource's defaults are not smaller.
CPUS, MEMORY = "100m", str(64 << 20)
_TUNNEL = "0123456789ab"

# Sends bytes to whoever connects; Python 3.6, on all addresses of the pod.
_LISTEN = f"""
import socket
try:
    server = socket.socket(socket.AF_INET6)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(("::", {PORT}))
except OSError:
    server = socket.socket()
    server.bind(("0.0.0.0", {PORT}))
server.listen(8)
print("{READY}", flush=True)
while True:
    connection, _ = server.accept()
    try:
        for _ in range({AMOUNT} >> 20):
            connection.sendall(bytes(1 << 20))
    except OSError:
        pass
    connection.close()
"""
_CONNECT = f"""
import socket, sys
try:
    socket.create_connection((sys.argv[1], {PORT}), 5).close()
    print("{CONNECTED}", flush=True)
except OSError as error:
    print("{REFUSED}:", error, flush=True)
"""


async def check_start(context: KubernetesContext) -> str:
    """A tiny pod gets a node, its image arrives, and its container runs."""
    pod = await _create(context, "rosetta-check", ["python3", "-c", _LISTEN])
    started = time.monotonic()
    pod = await _wait(context, pod)
    node = pod["spec"].get("nodeName")
    return f"runs on {node} after {time.monotonic() - started:.1f} s"


async def check_log(context: KubernetesContext) -> str:
    """The log of the pod can be read."""
    _refuse_without_program(context)
    name = next(iter(context.pods))
    deadline = time.monotonic() + CONNECT_TIMEOUT
    while READY not in (log := await _read_log(context, name)):
        if time.monotonic() > deadline:
            raise CheckFailed(f"it holds {log[-200:]!r}", "See whether 'agent_image' has Python.")
        await asyncio.sleep(POLL_INTERVAL)
    return f"{len(log)} bytes"


async def check_connection(context: KubernetesContext) -> str:
    """The hub gets to a port of the pod as the edge will, and how fast bytes arrive."""
    _refuse_without_program(context)
    target = await _find_target(context)
    started, received, first = time.monotonic(), 0, 0.0
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT + LONGEST_TRANSFER):
            reader, writer = await open_target(target)
            with contextlib.closing(writer):
                while part := await reader.read(1 << 18):
                    first = first or time.monotonic() - started
                    received += len(part)
    except (OSError, TimeoutError) as error:
        raise CheckFailed(
            f"{context.conf.tunnel}: {error!r}", _connection_advice(context)
        ) from error
    if received == 0:
        problem = await _tunnel_error(context) or "not a byte came through"
        raise CheckFailed(f"{context.conf.tunnel}: {problem}", _connection_advice(context))
    seconds = time.monotonic() - started
    rate = received / 1e6 / seconds
    return f"{context.conf.tunnel}: {first * 1000:.0f} ms to the first byte, {rate:.0f} MB/s"


async def check_neighbours(context: KubernetesContext) -> str:
    """Whether another pod can connect to the first one: only a NetworkPolicy keeps it away."""
    _refuse_without_program(context)
    first = await context.client.call("GET", _path(context, next(iter(context.pods))))
    address = find_address(first)
    if address is None:
        raise CheckSkipped("the cluster does not tell the address of the pod")
    pod = await _create(context, "rosetta-check-peer", ["python3", "-c", _CONNECT, address])
    await _wait(context, pod, until_end=True)
    log = await _read_log(context, pod["metadata"]["name"])
    if CONNECTED in log:
        return _judge_open(context)
    if REFUSED not in log:
        raise CheckFailed(f"the second pod said {log[-200:]!r}", "Run the check again.")
    if context.conf.network_policies:
        return "a second pod could not connect: a NetworkPolicy keeps tasks apart"
    return (
        "a second pod could not connect: a NetworkPolicy keeps tasks apart. Set"
        " 'network_policies' in 'conf', so that tasks are not warned of neighbours"
    )


def _judge_open(context: KubernetesContext) -> str:
    if context.conf.network_policies:
        raise CheckFailed(
            "a second pod could connect, although 'network_policies' is set",
            "Apply the NetworkPolicy that `rosetta-hub kubernetes manifests"
            f" {context.computing.id}` prints, and see that the cluster's network plug-in enforces"
            " such policies; otherwise, remove the key.",
        )
    return "a second pod could connect: no NetworkPolicy keeps tasks apart, and users are told so"


async def check_removal(context: KubernetesContext) -> str:
    """The pods of the checks are gone."""
    if not context.pods:
        raise CheckSkipped("nothing was created")
    for name, pod in context.pods.items():
        body = {"preconditions": {"uid": pod["metadata"]["uid"]}, "gracePeriodSeconds": 1}
        with contextlib.suppress(ApiRefused):
            await context.client.call("DELETE", _path(context, name), body)
    deadline = time.monotonic() + REMOVAL_TIMEOUT
    while names := [name for name in context.pods if await _is_there(context, name)]:
        if time.monotonic() > deadline:
            raise CheckFailed(f"still there: {', '.join(names)}", "See whether its node answers.")
        await asyncio.sleep(POLL_INTERVAL)
    return f"{len(context.pods)} removed"


def _refuse_without_program(context: KubernetesContext) -> None:
    if context.conf.agent_image is None:
        raise CheckSkipped("'conf' has no 'agent_image', an image with Python that is used for it")


async def _create(context: KubernetesContext, prefix: str, command: list[str]) -> Document:
    if context.conf.agent_image is None and context.software is None:
        raise CheckSkipped("there is no software for it, nor 'agent_image' in 'conf'")
    body = build_example(context, f"{prefix}-{secrets.token_hex(4)}")
    body["spec"]["activeDeadlineSeconds"] = LONGEST_LIFE
    (container,) = body["spec"]["containers"]
    # Its secret is not created.
    container.pop("envFrom")
    for amounts in container["resources"].values():
        amounts |= {"cpu": CPUS} if "cpu" in amounts else {}
        amounts |= {"memory": MEMORY} if "memory" in amounts else {}
    if context.conf.agent_image is not None:
        container |= {"image": context.conf.agent_image, "command": command, "args": []}
    pod = await context.client.call("POST", f"{context.namespace}/pods", body)
    context.pods[pod["metadata"]["name"]] = pod
    return pod


async def _wait(context: KubernetesContext, pod: Document, until_end: bool = False) -> Document:
    """The pod once its container runs, or has ended well where that is waited for."""
    deadline = time.monotonic() + context.queue_timeout
    while time.monotonic() < deadline:
        pod = await context.client.call("GET", _path(context, pod["metadata"]["name"]))
        if until_end and has_ended(pod):
            return pod
        report = build_report(pod, await _read_events(context, pod), answers=True)
        if report is not None and report.state == "failed":
            raise CheckFailed(
                f"{report.reason}: {report.detail or report.message}",
                "See the image, and the events of the pod.",
            )
        if report is not None and report.state == "running" and not until_end:
            return pod
        await asyncio.sleep(POLL_INTERVAL)
    job = build_job(pod, context.conf.namespace)
    raise CheckFailed(
        f"it did not run within {context.queue_timeout:.0f} s."
        f" {waiting_message(job, JobRequest(name=job.name))}",
        "Free the cluster, or wait longer with --wait.",
    )


async def _read_events(context: KubernetesContext, pod: Document) -> list[Document]:
    query = {"fieldSelector": f"involvedObject.uid={pod['metadata']['uid']}"}
    answer = await context.client.call("GET", f"{context.namespace}/events", query=query)
    items: list[Document] = answer.get("items") or []
    return items


async def _read_log(context: KubernetesContext, name: str) -> str:
    query = {"container": CONTAINER, "limitBytes": "65536"}
    data = await context.client.raw(f"{_path(context, name)}/log", query)
    return data.decode(errors="replace")


async def _is_there(context: KubernetesContext, name: str) -> bool:
    try:
        await context.client.call("GET", _path(context, name))
    except ApiRefused as error:
        if error.status == 404:
            return False
        raise
    return True


def _path(context: KubernetesContext, name: str) -> str:
    return f"{context.namespace}/pods/{name}"


async def _find_target(context: KubernetesContext) -> Target:
    """Where the first pod is reached as the edge will reach tasks."""
    name = next(iter(context.pods))
    if context.conf.tunnel == "reverse":
        raise CheckSkipped("the tunnel is reverse: the hub connects to no pod")
    if context.conf.tunnel == "pod":
        pod = await context.client.call("GET", _path(context, name))
        address = find_address(pod)
        if address is None:
            raise CheckFailed("the pod has no address", "See the cluster's network.")
        return TcpTarget(address, PORT)
    if context.tunnels is None or context.sockets is None:
        raise CheckFailed("there is no tunnels' process", "Run the check again.")
    route = KubernetesRoute(
        context.client.server(),
        context.conf.namespace,
        name,
        context.pods[name]["metadata"]["uid"],
        PORT,
    )
    await context.tunnels.put_tunnel(Tunnel(_TUNNEL, 1, route))
    return UnixTarget(str(context.sockets / f"{_TUNNEL}.sock"))


async def _tunnel_error(context: KubernetesContext) -> str | None:
    if context.tunnels is None:
        return None
    with contextlib.suppress(RosettaError):
        state = (await context.tunnels.states()).get(_TUNNEL)
        return state.error if state else None
    return None


def _connection_advice(context: KubernetesContext) -> str:
    if context.conf.tunnel == "pod":
        return (
            "See that the hub is in the network of the cluster's pods and that policies admit it;"
            " or set 'tunnel' to 'portforward' or 'reverse' in 'conf'."
        )
    return (
        "See that proxies before the API server pass WebSockets on; or set 'tunnel' to 'reverse' in"
        " 'conf'."
    )


POD_CHECKS = (
    Check[KubernetesContext]("pod", check_start, ("dry run",)),
    Check[KubernetesContext]("log", check_log, ("pod",)),
    Check[KubernetesContext]("connection", check_connection, ("pod", "log")),
    Check[KubernetesContext]("neighbours", check_neighbours, ("pod", "log")),
)
# Always done, whatever has failed before.
REMOVAL = Check[KubernetesContext]("cleanup", check_removal)


async def run_kubernetes_checks(
    context: KubernetesContext, report: Callable[[Result], None]
) -> list[Result]:
    """All checks of a cluster; `report` gets each result as it comes."""
    results: list[Result] = []

    async def run(check: Check[KubernetesContext]) -> None:
        results.append(await run_check(check, context, results))
        report(results[-1])

    try:
        for check in (*KUBERNETES_CHECKS, *POD_CHECKS):
            await run(check)
    finally:
        await run(REMOVAL)
    return results
