"""Where the repositories of links are, and whether they may be used."""

import re
from urllib.parse import quote, urlsplit, urlunsplit

from rosetta_hub.builds.errors import LinkRefused, SourceRefused
from rosetta_hub.builds.links import HEAD, RepositoryLink, parse_link
from rosetta_hub.builds.source_settings import Provider, SourceSettings
from rosetta_hub.web_hosts import normalise_host

_PORTS = {"https": 443, "http": 80}
# Behind the project's path, in addresses that people copy out of the browser.
_WITHIN = re.compile(r"^(?:-/)?(?P<view>tree|blob|raw)/(?P<ref>[^/]+)(?:/(?P<path>.+))?$")


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
    location = f"{host}:{port}" if port not in (None, _PORTS.get(parts.scheme)) else host
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
    return parts.port or _PORTS[parts.scheme]


def link_from_url(url: str, settings: SourceSettings) -> RepositoryLink:
    """The link for an address that somebody copied out of the browser, or out of `git remote`.

    A branch and a file in it (`/tree/main/a.ipynb`) become ref and `labpath`.

    Raises:
        LinkRefused: it is no address of a repository.
    """
    kinds = settings.kinds
    for prefix, provider in settings.all_providers.items():
        if provider.url and provider.kind in ("github", "gitlab", "gist"):
            path = _path_below(url.strip(), provider)
            if path and (link := _link_within(prefix, provider, path, settings)):
                return link
    git = next((prefix for prefix, kind in kinds.items() if kind == "git"), None)
    if git is None:
        raise LinkRefused("This is not an address of a repository that can be used here.")
    return parse_link(git, f"{quote(url.strip(), safe='')}/{HEAD}", {}, kinds)


def _path_below(url: str, provider: Provider) -> str:
    start = f"{provider.url}/".lower()
    plain = url.partition("?")[0].partition("#")[0]
    return plain[len(start) :].strip("/") if plain.lower().startswith(start) else ""


def _link_within(
    prefix: str, provider: Provider, path: str, settings: SourceSettings
) -> RepositoryLink | None:
    if provider.kind == "gitlab":
        namespace, _, rest = path.partition("/-/")
        spec = quote(namespace, safe="")
    else:
        parts = path.split("/", 2)
        if len(parts) < 2:
            return None
        spec, rest = "/".join(parts[:2]), "".join(parts[2:])
    within = _WITHIN.match(rest)
    ref = within["ref"] if within else HEAD
    query = {"labpath": within["path"]} if within and within["path"] else {}
    return parse_link(prefix, f"{spec}/{ref}", query, settings.kinds)
