"""Checks of the kubectl on the way to a Kubernetes API server, here or on a login node."""

import json
import re
from collections.abc import Callable

from rosetta_hub.access import Completed
from rosetta_hub.catalogue.computing_conf import SshLogin
from rosetta_hub.catalogue.conf_kubernetes import KubectlConf, KubectlSshConf
from rosetta_hub.check.context import Check, CheckFailed, CheckSkipped, Context, Result
from rosetta_hub.check.kubernetes import ADVICE_SERVER
from rosetta_hub.check.run import CONTACT_CHECKS, run_check
from rosetta_hub.errors import (
    AuthenticationFailed,
    HostKeyProblem,
    ResourceUnavailable,
    RosettaError,
)
from rosetta_hub.kubernetes.api_server import ApiServer
from rosetta_hub.kubernetes.client import KubernetesClient
from rosetta_hub.resources.dialects.dialect import last_words
from rosetta_hub.resources.kubernetes.server_settings import build_kubectl_tunnel

TIMEOUT = 60
# The oldest that the project was tried with.
OLDEST = (1, 20)
_NOT_FOUND = (126, 127)
_VERSION = re.compile(r"^v(\d+)\.(\d+)")
# How kubectl's own log lines begin: level, month and day.
_LOG_LINE = re.compile(r"^[EWIF]\d{4} ")
# What kubectl says of an address where no API server answers.
_UNREACHED = re.compile(r"\bdial tcp\b|no such host")
_LOGIN_ADVICE = (
    "Try `kubectl get pods` as the account that it runs as, without a terminal. Logging in may ask"
    " nobody, and needs no variables but PATH and HOME."
)


async def check_kubectl(context: Context) -> str:
    """There is a kubectl, and it is new enough."""
    program, advice = _conf(context).kubectl, _path_advice(context)
    try:
        command = [program, "version", "--client", "--output=json"]
        answer = await context.access.run(command, "", TIMEOUT)
    except (HostKeyProblem, AuthenticationFailed):
        raise
    except ResourceUnavailable as error:
        raise CheckFailed(str(error), advice) from error
    if answer.returncode in _NOT_FOUND:
        raise CheckFailed(f"{program} can't be run: {last_words(answer)}", advice)
    version = parse_version(answer)
    if version is None:
        raise CheckFailed(f"{program} does not tell its version: {last_words(answer)}", advice)
    if version < OLDEST:
        raise CheckFailed(
            f"{program} is version {version[0]}.{version[1]}, which is too old",
            f"Version {OLDEST[0]}.{OLDEST[1]} or newer is needed. {advice}",
        )
    return f"version {version[0]}.{version[1]}"


def _path_advice(context: Context) -> str:
    where = f"on {conf.host}" if isinstance(conf := _conf(context), SshLogin) else "on this machine"
    return f"Install kubectl {where}, or give its absolute path as 'kubectl' in 'conf'."


def parse_version(answer: Completed) -> tuple[int, int] | None:
    """Major and minor version in what `kubectl version --output=json` prints; None: in vain."""
    begin = answer.stdout.find("{")
    try:
        # What a login shell prints comes before.
        document, _ = json.JSONDecoder().raw_decode(answer.stdout, max(begin, 0))
        match = _VERSION.match(document["clientVersion"]["gitVersion"])
    except (ValueError, KeyError, TypeError):
        return None
    return (int(match[1]), int(match[2])) if match else None


async def check_login(context: Context) -> str:
    """Its proxy starts, its kubeconfig is good, and the programs that it logs in with work."""
    if context.tunnels is None or context.sockets is None:
        raise CheckSkipped("there is no tunnels' process")
    tunnel = build_kubectl_tunnel(context.computing.id, _conf(context), context.endpoint)
    await context.tunnels.put_tunnel(tunnel)
    server = ApiServer.behind_socket(context.sockets / f"{tunnel.id}.sock")
    try:
        await KubernetesClient(lambda: server).call("GET", "/version")
    except RosettaError as error:
        state = (await context.tunnels.states()).get(tunnel.id)
        words = _choose_words(state.error or "" if state else "", str(error))
        raise CheckFailed(
            f"{error} It has printed: {words}" if words else str(error),
            ADVICE_SERVER if _UNREACHED.search(str(error)) else _LOGIN_ADVICE,
        ) from error
    return "kubectl is accepted by the API server"


def _choose_words(printed: str, message: str) -> str:
    """What adds to a message: lines of the programs that kubectl logs in with, each once."""
    lines = dict.fromkeys(line for line in printed.splitlines() if not _LOG_LINE.match(line))
    return " ".join(line for line in lines if line not in message)


def _conf(context: Context) -> KubectlConf | KubectlSshConf:
    conf = context.computing.conf
    assert isinstance(conf, KubectlConf | KubectlSshConf)  # noqa: S101 - for the types
    return conf


KUBECTL_CHECKS = (
    *CONTACT_CHECKS,
    Check[Context]("kubectl", check_kubectl, ("authentication",)),
    Check[Context]("login", check_login, ("kubectl",)),
)


async def run_kubectl_checks(context: Context, report: Callable[[Result], None]) -> list[Result]:
    """What the API server needs before it can be asked; `report` gets each result as it comes."""
    results: list[Result] = []
    for check in KUBECTL_CHECKS:
        results.append(await run_check(check, context, results))
        report(results[-1])
    return results
