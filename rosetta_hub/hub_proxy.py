"""The hub's own proxy: configurable-http-proxy behind the guard of `rosetta-hub proxy`."""

import sys
from pathlib import Path
from typing import Any, NoReturn

from rosetta_hub.config import Rosetta
from rosetta_hub.edge.process import HubAddresses, run_proxy

_HUB_ORIGIN = "--hub-origin="
_TASKS_HOST = "--tasks-host="
HELP = "run the guarded configurable-http-proxy for the hub itself"


def set_proxy_command(c: Any, settings: Rosetta) -> None:
    """Have the hub start the guarded proxy, which knows the addresses of hub and tasks.

    A command that the configuration sets stays, unless it is `rosetta-hub proxy` itself, which is
    given the addresses.
    """
    section = c.ConfigurableHTTPProxy
    guarded = [sys.executable, "-m", "rosetta_hub", "proxy"]
    command = section.get("command", guarded)
    if command == guarded or _is_our_program(command):
        section.command = [*command, *build_address_arguments(settings)]


def _is_our_program(command: Any) -> bool:
    return isinstance(command, list) and [Path(part).name for part in command] == [
        "rosetta-hub",
        "proxy",
    ]


def build_address_arguments(settings: Rosetta) -> list[str]:
    """What the command line of the guarded proxy begins with."""
    star = "*." if settings.host_name_mode else ""
    tasks_host = f"{star}{settings.tasks_host}"
    return [f"{_HUB_ORIGIN}{settings.hub_origin}", f"{_TASKS_HOST}{tasks_host}"]


def run_proxy_command(arguments: list[str]) -> NoReturn:
    """Become the proxy. Arguments after those of `build_address_arguments` are CHP's own.

    Raises:
        ConfigError: Node or configurable-http-proxy is missing.
    """
    own: dict[str, str] = {}
    while arguments and arguments[0].startswith((_HUB_ORIGIN, _TASKS_HOST)):
        name, _, value = arguments[0].partition("=")
        own[f"{name}="] = value
        arguments = arguments[1:]
    addresses = None
    if len(own) == 2:
        addresses = HubAddresses(hub_origin=own[_HUB_ORIGIN], tasks_host=own[_TASKS_HOST])
    run_proxy(addresses, arguments)
