"""`rosetta-hub kubernetes`: what the administrator of a cluster applies for the hub."""

import argparse

from rosetta_hub.catalogue.conf_kubernetes import NamespaceConf
from rosetta_hub.config import Rosetta
from rosetta_hub.errors import ConfigError
from rosetta_hub.resources.kubernetes.account_manifests import (
    HubAccount,
    build_manifests,
    format_manifests,
)

HELP = "print what a Kubernetes cluster needs for the hub: account, rights, network policy, quota"


def add_kubernetes_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("what", choices=["manifests"], help="what to print")
    parser.add_argument("resource", help="id of a computing resource with wms 'kubernetes'")
    account = parser.add_mutually_exclusive_group()
    account.add_argument(
        "--account",
        metavar="[NAMESPACE:]NAME",
        help="the service account that the hub has already, by default in the namespace of the"
        " tasks; without this option and --user, one is created, with a token",
    )
    account.add_argument(
        "--user", help="the user as whom the hub logs in, such as the name in its certificate"
    )
    parser.add_argument(
        "--tasks",
        type=_read_tasks,
        help="adds a quota for so many tasks with the defaults of the resource, and a pod for the"
        " files of each storage there",
    )
    parser.add_argument(
        "--edge",
        metavar="CIDR|NAMESPACE",
        help="the network, such as 192.0.2.7/32, or the namespace of the hub's edge, which the"
        " network policy admits; needed where 'tunnel' is 'pod'",
    )


def kubernetes_text(settings: Rosetta, options: argparse.Namespace) -> str:
    """What the command prints: YAML for `kubectl apply`.

    Raises:
        ConfigError: there is no such resource, it is not a Kubernetes cluster, or `--edge` is
            missing.
    """
    catalogue = settings.catalogue()
    clusters = {
        computing.id: (computing, computing.conf)
        for computing in catalogue.computing.values()
        if isinstance(computing.conf, NamespaceConf)
    }
    if options.resource not in clusters:
        named = ", ".join(clusters) or "none"
        raise ConfigError(
            f"{options.resource!r} is not a Kubernetes cluster of c.Rosetta.computing. There are:"
            f" {named}."
        )
    computing, conf = clusters[options.resource]
    account = _account(options, conf.namespace)
    if conf.tunnel == "pod" and options.edge is None:
        raise ConfigError(
            "The edge connects to the pods by itself ('tunnel' is 'pod'), and the network policy"
            " has to admit it: name its network or its namespace with --edge."
        )
    storages = tuple(catalogue.storages.values())
    return format_manifests(
        build_manifests(computing, conf, account, options.tasks, options.edge, storages)
    )


def _account(options: argparse.Namespace, namespace: str) -> HubAccount | None:
    if options.user:
        return HubAccount(options.user)
    if not options.account:
        return None
    before, colon, name = options.account.rpartition(":")
    return HubAccount(name, before if colon else namespace)


def _read_tasks(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of tasks")
    return int(text)
