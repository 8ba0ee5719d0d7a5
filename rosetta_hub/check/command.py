"""The subcommand `check` of `rosetta-hub`: puts the checks' context together."""

import argparse
import asyncio
import contextlib
import functools
import getpass
import logging
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from email.utils import formatdate
from pathlib import Path
from urllib.parse import urlsplit

from rosetta_hub.access import Access
from rosetta_hub.builds.builder_host import make_builder
from rosetta_hub.catalogue.access_points import STORAGE_PREFIX, access_point_of
from rosetta_hub.catalogue.catalogue import Catalogue
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.computing_conf import SlurmRestConf, SshLogin
from rosetta_hub.catalogue.conf_kubernetes import KubernetesConf, NamespaceConf
from rosetta_hub.catalogue.software import Software
from rosetta_hub.check.builds import BUILDER_CHECKS, BUILDER_PREFIX, BuilderContext
from rosetta_hub.check.context import Context, Result, find_user
from rosetta_hub.check.kubectl import run_kubectl_checks
from rosetta_hub.check.kubernetes import KubernetesContext
from rosetta_hub.check.kubernetes_pods import run_kubernetes_checks
from rosetta_hub.check.run import format_json, format_result, is_good, run_check, run_checks
from rosetta_hub.check.storages import StorageContext, run_storage_checks
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.errors import ConfigError, ResourceUnavailable
from rosetta_hub.files.file_access import FileAccess
from rosetta_hub.kubernetes.client import KubernetesClient
from rosetta_hub.resources.access_local import LocalAccess
from rosetta_hub.resources.access_ssh import SshAccess
from rosetta_hub.resources.dialects.batch_wms import build_batch_wms
from rosetta_hub.resources.endpoints import ACCEPTED_HOST_KEYS, Endpoints, read_known_hosts
from rosetta_hub.resources.kubernetes.server_settings import read_server
from rosetta_hub.resources.resource_builder import ResourceBuilder
from rosetta_hub.resources.slurm.rest import SlurmRestWms
from rosetta_hub.resources.slurm.rest_client import RestClient
from rosetta_hub.resources.slurm.wms import SlurmWms
from rosetta_hub.resources.wms import Wms
from rosetta_hub.sidecar_settings import tunnels_config
from rosetta_hub.ssh.endpoint import Endpoint, JumpHost
from rosetta_hub.ssh.scan import scan_host_key
from rosetta_hub.tunnels.client import TunnelsClient
from rosetta_hub.tunnels.process import (
    TunnelsConfig,
    build_kubectl_id,
    ensure_tunnels,
    stop_tunnels,
)
from rosetta_hub.users.identities import Identities

HELP = "check computing resources, from the host key to an image pull, and storages"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the subcommand."""
    parser.add_argument(
        "resource",
        nargs="?",
        help="id of a resource, `storage:` and the id of a storage, or `builder:` and where images"
        " are built; all of them by default",
    )
    parser.add_argument("--user", default=getpass.getuser(), help="user of the hub, for user_keys")
    parser.add_argument("--json", action="store_true", help="print JSON at the end")
    parser.add_argument(
        "--accept-host-key", action="store_true", help="pin the host key that is shown now"
    )
    parser.add_argument(
        "--wait", type=float, default=300, help="seconds that the job may wait in the queue"
    )


def run_check_command(settings: Rosetta, options: argparse.Namespace) -> int:
    """Run the checks; returns the exit status: 1 when something failed, or nobody reads on.

    Raises:
        ConfigError: there is no such resource.
    """
    logging.getLogger().setLevel(logging.WARNING)
    try:
        reports = asyncio.run(_check_all(settings, options))
        if options.json:
            print(format_json(reports), flush=True)
    except BrokenPipeError:
        # `rosetta-hub check | head`. What is still buffered goes nowhere, without a complaint.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0 if all(is_good(results) for results in reports.values()) else 1


async def _check_all(settings: Rosetta, options: argparse.Namespace) -> dict[str, list[Result]]:
    reports = {}
    settings.state_path.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with stand_in(settings), own_tunnels(settings) as tunnels:
        for computing in _chosen(settings, options.resource):
            if not options.json:
                print(f"{computing.id} ({computing.name}), for {options.user}", flush=True)
            if isinstance(computing.conf, NamespaceConf):
                conf = computing.conf
                results = await _check_kubectl(settings, options, computing, tunnels)
                if is_good(results):
                    results += await _check_kubernetes(settings, options, computing, conf, tunnels)
                reports[computing.id] = results
                continue
            with open_context(settings, computing, options.user, tunnels) as context:
                context.accept_host_key = options.accept_host_key
                context.queue_timeout = options.wait
                show = _ignore if options.json else _show
                reports[computing.id] = await run_checks(context, show)
        reports |= await _check_storages(settings, options, tunnels)
        reports |= await _check_builder(settings, options, tunnels)
    return reports


async def _check_kubectl(
    settings: Rosetta, options: argparse.Namespace, computing: Computing, tunnels: TunnelsConfig
) -> list[Result]:
    """The way to an API server; nothing where the service itself logs in there."""
    if isinstance(computing.conf, KubernetesConf):
        return []
    with open_context(settings, computing, options.user, tunnels) as context:
        context.accept_host_key = options.accept_host_key
        context.tunnels, context.sockets = TunnelsClient(tunnels.socket), tunnels.sockets_dir
        return await run_kubectl_checks(context, _ignore if options.json else _show)


async def _check_kubernetes(
    settings: Rosetta,
    options: argparse.Namespace,
    computing: Computing,
    conf: NamespaceConf,
    tunnels: TunnelsConfig,
) -> list[Result]:
    client = KubernetesClient(lambda: read_server(conf, tunnels.kubectl_socket(computing.id)))
    context = KubernetesContext(
        computing,
        conf,
        client,
        find_software(settings, computing),
        _claims(settings.catalogue(), options.user, computing),
        TunnelsClient(tunnels.socket),
        tunnels.sockets_dir,
        options.wait,
    )
    show = _ignore if options.json else _show
    return await run_kubernetes_checks(context, show)


def _claims(catalogue: Catalogue, user: str, computing: Computing) -> tuple[str, ...]:
    storages = catalogue.storages_of(find_user(user, catalogue))
    claims = (storage.claim_of(user) for storage in storages if computing.id in storage.computing)
    return tuple(dict.fromkeys(filter(None, claims)))


async def _check_storages(
    settings: Rosetta, options: argparse.Namespace, tunnels: TunnelsConfig
) -> dict[str, list[Result]]:
    reports = {}
    async with open_storages(settings, options.user, tunnels) as contexts:
        for context in contexts:
            storage = context.storage
            name = f"{STORAGE_PREFIX}{storage.id}"
            if options.resource not in (None, name, *storage.computing):
                continue
            if not options.json:
                print(f"{name} ({storage.name}), for {options.user}", flush=True)
            context.accept_host_key = options.accept_host_key
            show = _ignore if options.json else _show
            reports[name] = await run_storage_checks(context, show)
    return reports


async def _check_builder(
    settings: Rosetta, options: argparse.Namespace, tunnels: TunnelsConfig
) -> dict[str, list[Result]]:
    builds = settings.build_settings()
    name = f"{BUILDER_PREFIX}{builds.builder}" if builds is not None else ""
    if builds is None or options.resource not in (None, name):
        return {}
    if not options.json:
        print(f"{name} (images of repositories)", flush=True)
    client, database = TunnelsClient(tunnels.socket), Database(settings.db_url)
    try:
        keys = settings.keys()
        identities = Identities(database, keys, settings)
        resources = ResourceBuilder(settings, keys, identities, client).build()
        near = resources.endpoints.get(builds.builder)
        context = BuilderContext(builds, make_builder(settings, builds, near, client))
        results: list[Result] = []
        for check in BUILDER_CHECKS:
            results.append(await run_check(check, context, results))
            (_ignore if options.json else _show)(results[-1])
    finally:
        database.close()
    return {name: results}


def _show(result: Result) -> None:
    print(format_result(result), flush=True)


def _ignore(result: Result) -> None:
    return


def _chosen(settings: Rosetta, name: str | None) -> list[Computing]:
    catalogue = settings.catalogue()
    resources = catalogue.computing
    storages = [f"{STORAGE_PREFIX}{storage}" for storage in catalogue.storages]
    if name is None:
        return list(resources.values())
    builds = settings.build_settings()
    builders = [f"{BUILDER_PREFIX}{builds.builder}"] if builds is not None else []
    if name not in (*resources, *storages, *builders):
        raise ConfigError(
            f"There is no computing resource, storage or builder {name!r}. There are:"
            f" {', '.join((*resources, *storages, *builders))}."
        )
    return [resources[name]] if name in resources else []


@contextlib.asynccontextmanager
async def own_tunnels(settings: Rosetta) -> AsyncIterator[TunnelsConfig]:
    """A tunnels' process for the checks alone: the service's has its own to look after.

    Nodes dial this one where the service's does not run.
    """
    dial = tunnels_config(settings).dial
    with tempfile.TemporaryDirectory(prefix="rosetta-check-") as folder:
        free = dial is not None and _is_free(dial.bind_ip, dial.port)
        config = TunnelsConfig(state_dir=Path(folder), dial=dial if free else None)
        await ensure_tunnels(config)
        try:
            yield config
        finally:
            await stop_tunnels(config)


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            listener.bind((address, port))
            return True
    return False


@contextlib.asynccontextmanager
async def stand_in(settings: Rosetta) -> AsyncIterator[None]:
    """Somebody who answers in the place of a service that is not started."""
    parts = urlsplit(settings.service_url)
    try:
        server = await asyncio.start_server(_say_ok, parts.hostname, parts.port or 80)
    except OSError:
        # The port is taken: by the service.
        yield
        return
    async with server:
        yield


async def _say_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        await reader.readuntil(b"\r\n\r\n")
        date = formatdate(usegmt=True)
        head = f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
    writer.close()


@contextlib.contextmanager
def open_context(
    settings: Rosetta, computing: Computing, user: str, tunnels: TunnelsConfig
) -> Iterator[Context]:
    """All that the checks of a resource need.

    Raises:
        ConfigError: the resource is of a kind that can't be checked.
    """
    software = find_software(settings, computing)
    if not isinstance(computing.conf, SshLogin | SlurmRestConf):
        # An engine's API, too: the agents of its tasks run on this machine.
        yield Context(computing, settings, user, LocalAccess(), software)
        return
    if isinstance(conf := computing.conf, SlurmRestConf):
        context = Context(computing, settings, user, LocalAccess(), software)
        client_of_rest = RestClient(conf)
        context.open_wms = lambda account: SlurmRestWms(client_of_rest, account)
        yield context
        return
    client = TunnelsClient(tunnels.socket)
    database = Database(settings.db_url)
    try:
        identities = Identities(database, settings.keys(), settings)
        endpoints = Endpoints(computing, identities, settings.state_path)
        access = endpoints.access(user, lambda endpoint: SshAccess(client, endpoint))
        context = Context(computing, settings, user, access, software)
        context.endpoint = lambda: endpoints.endpoint(user)
        context.address = lambda: _address(computing.conf, endpoints, user, settings)
        context.scan = scan_host_key
        context.accepted = settings.state_path / ACCEPTED_HOST_KEYS
        context.tunnels, context.sockets = client, tunnels.sockets_dir
        if computing.has_queue and not isinstance(computing.conf, NamespaceConf):
            context.open_wms = lambda account: _wms(computing, access, account)
        yield context
    finally:
        database.close()


@contextlib.asynccontextmanager
async def open_storages(
    settings: Rosetta, user: str, tunnels: TunnelsConfig
) -> AsyncIterator[list[StorageContext]]:
    """All that the checks of the user's storages need."""
    catalogue, client = settings.catalogue(), TunnelsClient(tunnels.socket)
    database = Database(settings.db_url)
    try:
        keys = settings.keys()
        identities = Identities(database, keys, settings)
        resources = ResourceBuilder(settings, keys, identities, client, config=tunnels).build()
        endpoints = resources.endpoints
        files = FileAccess(catalogue, endpoints, client, resources.file_pods)
        who = find_user(user, catalogue)
        contexts = [StorageContext(storage, who, files) for storage in catalogue.storages_of(who)]
        for context in contexts:
            conf, point = context.storage.conf, access_point_of(context.storage)
            if (describe := resources.kubectls.get(build_kubectl_id(point))) is not None:
                # A key that can't be read is told by the first check.
                with contextlib.suppress(ResourceUnavailable):
                    await client.put_tunnel(describe())
            if isinstance(conf, SshLogin):
                context.address = functools.partial(
                    _address, conf, endpoints[point], user, settings
                )
                context.scan = scan_host_key
                context.accepted = settings.state_path / ACCEPTED_HOST_KEYS
        yield contexts
        await files.close()
    finally:
        database.close()


def _address(conf: object, endpoints: Endpoints, user: str, settings: Rosetta) -> Endpoint:
    """Where the server is. Its host key is looked at before there are keys of the user."""
    try:
        return endpoints.endpoint(user)
    except ResourceUnavailable:
        assert isinstance(conf, SshLogin)  # noqa: S101 - for the types: others have no endpoints
        host_keys = read_known_hosts(conf, settings.state_path / ACCEPTED_HOST_KEYS)
        jumps = tuple(JumpHost(jump.host, jump.port, jump.user) for jump in conf.jump_hosts)
        return Endpoint(
            "check", user, conf.host, conf.port, user, "", None, host_keys, jumps, conf.ssh_config
        )


def _wms(computing: Computing, access: Access, account: str) -> Wms:
    if computing.wms == "slurm":
        return SlurmWms(access, account, computing.conf.path)
    return build_batch_wms(computing.wms, access, computing.conf.path)


def find_software(settings: Rosetta, computing: Computing) -> Software | None:
    """The first of the catalogue that runs there."""
    for family in settings.catalogue().software.values():
        for version in family.versions:
            permitted = not version.computing or computing.id in version.computing
            if version.kind == "container" and permitted and computing.runs(version):
                return version
    return None
