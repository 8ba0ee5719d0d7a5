"""The hub's own proxy: configurable-http-proxy behind the guard of `rosetta-hub proxy`."""

import sys
from pathlib import Path
from typing import Any, NoReturn

from rosetta_hub.config import Rosetta
from rosetta_hub.edge.process import (
    HubAddresses,
    build_proxy_command,
    find_chp,
    find_node,
    run_proxy,
)
from rosetta_hub.errors import ConfigError

_HUB_ORIGIN = "--hub-origin="
_TASKS_HOST = "--tasks-host="
HELP = "run the guarded configurable-http-proxy for the hub itself"


def set_proxy_command(c: Any, settings: Rosetta) -> None:
    """Have the hub start the guarded proxy, which knows the addresses of hub and tasks.

    A command that the configuration sets stays, unless it is `rosetta-hub proxy` without arguments.
    """
    section = c.ConfigurableHTTPProxy
    if "command" not in section or _is_our_program(section.command):
        section.command = build_hub_proxy_command(settings)


def build_hub_proxy_command(settings: Rosetta) -> list[str]:
    """The command line of the guarded proxy, to which the hub adds CHP's own arguments.

    Node itself, because the hub gives its proxy ten seconds to start. Where it is not found, a
    command that says so when it is started: other processes, perhaps elsewhere, read this, too.
    """
    star = "*." if settings.host_name_mode else ""
    addresses = HubAddresses(settings.hub_origin, f"{star}{settings.tasks_host}")
    try:
        return build_proxy_command(find_node(), find_chp(), addresses, [])
    except ConfigError:
        own = [f"{_HUB_ORIGIN}{addresses.hub_origin}", f"{_TASKS_HOST}{addresses.tasks_host}"]
        return [sys.executable, "-m", "rosetta_hub", "proxy", *own]


def _is_our_program(command: Any) -> bool:
    return isinstance(command, list) and [Path(part).name for part in command] == [
        "rosetta-hub",
        "proxy",
    ]


def run_proxy_command(arguments: list[str]) -> NoReturn:
    """Become the proxy: `--hub-origin=ORIGIN --tasks-host=HOST` first, then CHP's own arguments.

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
