"""Links to repositories as they stand in addresses of the service."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from rosetta_hub.builds.links import DEFAULT_KINDS, Kind, RepositoryLink, parse_link


def parse_address(address: str, kinds: Mapping[str, Kind] = DEFAULT_KINDS) -> RepositoryLink:
    """Read `v2/<provider>/<spec>?<query>`, as the service's routes take it apart."""
    path, _, query = address.partition("?")
    _, provider, spec = path.split("/", 2)
    return parse_link(provider, spec, dict(parse_qsl(query)), kinds)
