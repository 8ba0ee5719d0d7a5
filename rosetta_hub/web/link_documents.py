"""What pages and API are told of providers and links to repositories: plain dicts, for JSON."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from rosetta_hub.builds.links import DOI_KINDS, Kind, RepositoryLink
from rosetta_hub.builds.source_settings import Provider

# Names of repositories that are one part of the path, with %2F for their slashes.
_QUOTED_KINDS = frozenset({"gitlab", "git"})

# By kind: the label of the form's field, and an example.
_REPOSITORY_FIELDS: Mapping[Kind, tuple[str, str]] = MappingProxyType(
    {
        "github": ("Repository", "owner/repository"),
        "gitlab": ("Project", "group/project"),
        "git": ("Address of the repository", "https://git.example.org/repository.git"),
        "gist": ("Gist", "owner/0123456789abcdef0123456789abcdef"),
        "zenodo": ("DOI", "10.5281/zenodo.3242074"),
        "figshare": ("DOI", "10.6084/m9.figshare.9782777.v1"),
        "dataverse": ("DOI", "10.7910/DVN/TJCLKP"),
        "hydroshare": ("DOI or id of the resource", "10.4211/hs.b8f6eae9d89241cf8b5904033460af61"),
    }
)


def provider_document(prefix: str, provider: Provider) -> dict[str, Any]:
    """A provider, as the form of links needs it."""
    label, example = _REPOSITORY_FIELDS[provider.kind]
    return {
        "id": prefix,
        "name": provider.name,
        "kind": provider.kind,
        "host": urlsplit(provider.url).netloc,
        "quoted": provider.kind in _QUOTED_KINDS,
        "hasRef": provider.kind not in DOI_KINDS,
        "repositoryLabel": label,
        "example": example,
    }


def link_document(link: RepositoryLink, provider: Provider) -> dict[str, Any]:
    """What a link says, before anything has been looked up."""
    return {
        "provider": link.provider,
        "providerName": provider.name,
        "repository": link.repository,
        "ref": link.ref,
        "urlpath": link.urlpath,
        "computing": link.computing,
        "size": link.size,
        "port": link.port,
    }
