"""What the agent of a task is told before it pulls the image."""

from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from rosetta_hub.catalogue.registries import Registries
from rosetta_hub.catalogue.software import Software
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.registries.credentials import RegistryCredentials
from rosetta_hub.registries.errors import RegistryRefused
from rosetta_hub.registries.references import parse_reference

# Whose an image is that was pulled without an account: everybody's.
PUBLIC = "public"


def describe_access(
    user: str,
    groups: Set[str],
    software: Mapping[str, Any],
    registries: Registries,
    credentials: RegistryCredentials,
) -> dict[str, Any]:
    """The document that agent/rosetta_agent/registry_access.py reads.

    Raises:
        ResourceUnavailable: a file of the configuration can't be read now.
    """
    document: dict[str, Any] = {
        "host": "",
        "account": None,
        "password": None,
        "certificates": None,
        "plain_http": False,
        "scope": PUBLIC,
    }
    try:
        reference = parse_reference(Software.model_validate(software).image)
    except RegistryRefused:
        # A name that the engine has to make sense of.
        return document
    registry = registries.find(reference.host)
    if registry is not None:
        document |= {"plain_http": registry.plain_http}
        document |= {"certificates": _read(registry.ca_file)} if registry.ca_file else {}
    credential = credentials.find(user, groups, reference.host, reference.repository)
    if credential is not None:
        account = {
            "account": credential.account,
            "password": credential.password,
            "scope": credential.scope,
        }
        document |= account
    return {**document, "host": reference.host}


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ResourceUnavailable(f"The file {path!r} can't be read now.") from error
