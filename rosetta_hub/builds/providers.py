"""Where the repositories of links are, and whether they may be used."""

import re
from urllib.parse import quote, urlsplit, urlunsplit

from rosetta_hub.builds.errors import SourceRefused
from rosetta_hub.builds.links import RepositoryLink
from rosetta_hub.builds.source_settings import SourceSettings
from rosetta_hub.web_hosts import DEFAULT_PORTS, normalise_host


def repository_url(link: RepositoryLink, settings: SourceSettings) -> str:
    """The address that git is given for a link of the kinds `github`, `gitlab`, `git` and `gist`.

    Raises:
        SourceRefused: repositories may not be fetched from there.
    """
    if link.kind == "git":
        return check_url(link.repository, settings)
    provider = settings.all_providers[link.provider]
    path = link.repository
    if link.kind == "gist":
        path = path.partition("/")[2]
    suffix = ".git" if link.kind in ("gitlab", "gist") else ""
    return check_url(f"{provider.url}/{quote(path)}{suffix}", settings)


def check_url(url: str, settings: SourceSettings) -> str:
    """The address as it is used, with its host in canonical form.

    Raises:
        SourceRefused: repositories may not be fetched from there.
    """
    try:
        parts = urlsplit(url)
        host = normalise_host(parts.hostname or "")
        port = parts.port
    except (UnicodeError, ValueError) as error:
        raise SourceRefused("The repository's address has no host that is known.") from error
    if parts.username is not None or parts.query or parts.fragment:
        raise SourceRefused("Use an address without user name, password, ? and # in it.")
    location = f"{host}:{port}" if port not in (None, DEFAULT_PORTS.get(parts.scheme)) else host
    if parts.scheme != ("http" if location in settings.plain_http else "https"):
        raise SourceRefused("Only repositories whose address begins with https:// are used.")
    _check_host(host, location, settings)
    name = f"{location}{parts.path}"
    if any(re.match(expression, name, re.IGNORECASE) for expression in settings.banned):
        raise SourceRefused(f"The administrator does not allow {name} to be used.")
    return urlunsplit((parts.scheme, location, parts.path.rstrip("/"), "", ""))


def _check_host(host: str, location: str, settings: SourceSettings) -> None:
    if settings.hosts and not {host, location} & set(settings.hosts):
        allowed = ", ".join(settings.hosts)
        raise SourceRefused(f"Repositories of {host} are not used here. Allowed are: {allowed}.")


def port_of(url: str) -> int:
    """The port that an address means."""
    parts = urlsplit(url)
    return parts.port or DEFAULT_PORTS[parts.scheme]
