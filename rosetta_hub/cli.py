"""`rosetta-hub`: the command line of administrators."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from rosetta_hub import __version__
from rosetta_hub.accounts.command import HELP as ACCOUNT_HELP
from rosetta_hub.accounts.command import account_text, add_account_arguments
from rosetta_hub.check.command import HELP, add_arguments, run_check_command
from rosetta_hub.config import Rosetta, refuse_unknown_options
from rosetta_hub.edge.process import run_edge
from rosetta_hub.errors import ConfigError, RosettaError
from rosetta_hub.hub.proxy import HELP as PROXY_HELP
from rosetta_hub.hub.proxy import run_proxy_command
from rosetta_hub.hub.settings_file import read_settings
from rosetta_hub.log_format import set_up_logging
from rosetta_hub.registries.command import HELP as REGISTRY_HELP
from rosetta_hub.registries.command import add_registry_arguments, registry_text
from rosetta_hub.resources.kubernetes.command import HELP as KUBERNETES_HELP
from rosetta_hub.resources.kubernetes.command import add_kubernetes_arguments, kubernetes_text
from rosetta_hub.service.app import run_service, run_shutdown
from rosetta_hub.sidecar_settings import edge_config, tunnels_config
from rosetta_hub.tunnels.process import run_tunnels


def main(argv: list[str] | None = None) -> int:
    """Run a subcommand; returns the exit status (2: the configuration can't be used)."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        if arguments[:1] == ["proxy"]:
            # What follows is configurable-http-proxy's own, which has a help of its own.
            run_proxy_command(arguments[1:])
        options = build_parser().parse_args(arguments)
        # Until it is known what the configuration says.
        set_up_logging("INFO", as_json=False)
        settings = _settings(options)
        set_up_logging(settings.log_level, settings.log_json)
        if options.command != "kubernetes":
            # What this prints is needed before there is an account, and so a kubeconfig.
            settings.check()
        if options.command == "check":
            return run_check_command(settings, options)
        if options.command in TEXTS:
            print(TEXTS[options.command](settings, options), end="")
            return 0
        COMMANDS[options.command][0](settings)
    except RosettaError as error:
        print(f"rosetta-hub {arguments[0]}: {error}", file=sys.stderr)
        return 2
    return 0


def _settings(options: argparse.Namespace) -> Rosetta:
    if options.settings:
        return read_settings(Path(options.settings))
    return load_settings(Path(options.config))


def _edge(settings: Rosetta) -> None:
    run_edge(edge_config(settings))


def _tunnels(settings: Rosetta) -> None:
    run_tunnels(tunnels_config(settings))


COMMANDS: dict[str, tuple[Callable[[Rosetta], None], str]] = {
    "service": (run_service, "run the service (the hub does this by itself, unless told not to)"),
    "edge": (_edge, "run the edge in the foreground (the service does this by itself)"),
    "tunnels": (
        _tunnels,
        "run the connections to computing resources in the foreground (the service does this)",
    ),
    "shutdown": (run_shutdown, "stop all tasks and the edge, after the hub and the service"),
}

# Subcommands with arguments of their own, which print a text.
TEXTS: dict[str, Callable[[Rosetta, argparse.Namespace], str]] = {
    "account": account_text,
    "kubernetes": kubernetes_text,
    "registry": registry_text,
}


def load_settings(path: Path) -> Rosetta:
    """`c.Rosetta` of a `jupyterhub_config.py`.

    Raises:
        ConfigError: there is no such file, it can't be run here, or it sets an option that does
            not exist.
    """
    if not path.is_file():
        raise ConfigError(f"{path} is not a file. Name the hub's configuration with --config.")
    try:
        loaded = PyFileConfigLoader(path.name, path=str(path.absolute().parent)).load_config()
    except Exception as exc:  # a configuration can raise anything
        raise ConfigError(
            f"{path} can't be run here: {exc!r}. Run the command with the hub's environment, or"
            " give the file that the hub has written, with --settings STATE_DIR/settings.json."
        ) from exc
    config = Config(loaded)
    refuse_unknown_options(config)
    return Rosetta(config=config)


def build_parser() -> argparse.ArgumentParser:
    """The commands and their options, for the documentation, too."""
    parser = argparse.ArgumentParser("rosetta-hub", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (_, text) in COMMANDS.items():
        _add_source(commands.add_parser(name, help=text, description=text))
    check = commands.add_parser("check", help=HELP, description=HELP)
    _add_source(check)
    add_arguments(check)
    registry = commands.add_parser("registry", help=REGISTRY_HELP, description=REGISTRY_HELP)
    _add_source(registry)
    add_registry_arguments(registry)
    account = commands.add_parser("account", help=ACCOUNT_HELP, description=ACCOUNT_HELP)
    _add_source(account)
    add_account_arguments(account)
    kubernetes = commands.add_parser(
        "kubernetes", help=KUBERNETES_HELP, description=KUBERNETES_HELP
    )
    _add_source(kubernetes)
    add_kubernetes_arguments(kubernetes)
    commands.add_parser("proxy", help=PROXY_HELP)
    return parser


def _add_source(parser: argparse.ArgumentParser) -> None:
    """Where the settings are: in the hub's configuration, or as the hub has handed them over."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--config", default="jupyterhub_config.py", help="the configuration to run")
    source.add_argument(
        "--settings", help="the file settings.json in state_dir, which the hub writes; nothing runs"
    )
