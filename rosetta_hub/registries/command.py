"""`rosetta-hub registry`: what the registry beside the hub needs to trust the hub."""

import argparse

from cryptography.hazmat.primitives.serialization import Encoding

from rosetta_hub.config import Rosetta
from rosetta_hub.errors import ConfigError
from rosetta_hub.registries.config_file import CERTIFICATE_PATH, build_registry_config
from rosetta_hub.registries.hub_registry import load_registry, read_certificate

HELP = (
    "print what the registry beside the hub (c.Rosetta.registry) needs: configuration, certificate"
)


def add_registry_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("what", choices=["config", "certificate"], help="what to print")
    parser.add_argument("--address", default="127.0.0.1:5000", help="where the registry listens")
    parser.add_argument(
        "--storage", default="/var/lib/docker-registry", help="the directory of the images"
    )
    parser.add_argument(
        "--certificate",
        default=CERTIFICATE_PATH,
        help="the file in which the registry finds what `registry certificate` prints",
    )


def registry_text(settings: Rosetta, options: argparse.Namespace) -> str:
    """What the command prints: the registry's configuration (YAML), or the certificate (PEM).

    Raises:
        ConfigError: there is no such registry, or `state_dir` can't be used.
    """
    own = settings.hub_registry()
    if own is None:
        raise ConfigError(
            "c.Rosetta.registry is not set. Set it to the registry that shall trust this hub, such"
            " as {'host': 'registry.example.org'}."
        )
    keys = settings.keys()
    try:
        if options.what == "certificate":
            certificate = read_certificate(settings.state_path, keys)
            return certificate.public_bytes(Encoding.PEM).decode()
        registry = load_registry(own.host, settings.state_path, keys)
    except OSError as error:
        raise ConfigError(f"c.Rosetta.state_dir can't be used: {error}.") from error
    return build_registry_config(
        settings, registry, options.address, options.storage, options.certificate
    )
