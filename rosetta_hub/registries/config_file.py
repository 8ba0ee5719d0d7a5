"""The configuration file of the registry beside the hub, which `rosetta-hub registry` prints."""

from rosetta_hub.config import Rosetta
from rosetta_hub.registries.hub_registry import HubRegistry

CERTIFICATE_PATH = "/etc/docker/registry/rosetta.pem"

_CONFIG = """\
# For docker-registry (distribution) 2.7 or newer, as `rosetta-hub registry config` prints it.
version: 0.1
storage:
  filesystem:
    rootdirectory: {storage}
  delete:
    enabled: true
http:
  addr: "{address}"
  # Without a proxy in front that speaks TLS:
  # tls:
  #   certificate: /etc/docker/registry/cert.pem
  #   key: /etc/docker/registry/key.pem
auth:
  token:
    realm: "{realm}"
    service: "{service}"
    issuer: "{issuer}"
    # What `rosetta-hub registry certificate` prints.
    rootcertbundle: {certificate}
"""


def build_registry_config(
    settings: Rosetta,
    registry: HubRegistry,
    address: str = "127.0.0.1:5000",
    storage: str = "/var/lib/docker-registry",
    certificate: str = CERTIFICATE_PATH,
) -> str:
    """The file (YAML): who wants in has to show a token of this hub's service."""
    origin = settings.hub_origin
    return _CONFIG.format(
        storage=storage,
        address=address,
        realm=f"{origin}{settings.service_prefix}registry/token",
        service=registry.host,
        issuer=registry.issuer,
        certificate=certificate,
    )
