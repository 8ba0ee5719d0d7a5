"""Records with a DOI: which version one has now, and its files, by the APIs of their hosts.

The addresses and documents are those that repo2docker's content providers use
(https://github.com/jupyterhub/repo2docker, repo2docker/contentproviders), asked through a client
that connects to permitted addresses only.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from rosetta_hub.addresses import AddressGuard, RequestFailed
from rosetta_hub.builds.errors import SourceRefused
from rosetta_hub.builds.links import Kind, RepositoryLink
from rosetta_hub.builds.providers import check_url
from rosetta_hub.builds.source_settings import SourceSettings
from rosetta_hub.copies.http_source import HttpSource

# Bytes of an answer.
MAX_ANSWER = 8 << 20

_ZENODO = re.compile(r"10\.\d+/zenodo\.(\d+)", re.IGNORECASE)
_FIGSHARE = re.compile(r"10\.\d+/.*figshare\.(\d+)(?:\.v(\d+))?", re.IGNORECASE)


@dataclass(frozen=True)
class Deposit:
    """A version of a record: the address of its description, and what names the version."""

    url: str
    version: str


@dataclass(frozen=True)
class DepositFile:
    """A file of a record: its path in the repository, and where its bytes are."""

    path: str
    url: str


class Deposits:
    """Asks the hosts of records."""

    def __init__(self, settings: SourceSettings) -> None:
        self._settings = settings
        guard = AddressGuard(settings.networks)
        self._source = HttpSource(guard, False, MAX_ANSWER, settings.ca_file)

    async def find(self, link: RepositoryLink) -> Deposit:
        """The version that a link means now.

        Raises:
            SourceRefused: there is no such record, or it may not be used.
        """
        base = self._settings.all_providers[link.provider].url
        return await _FINDERS[link.kind](self, base, link.repository)

    async def list_files(self, kind: Kind, url: str) -> list[DepositFile]:
        """The files of a version, `url` being that of its `Deposit`.

        Raises:
            SourceRefused: the host does not say.
        """
        try:
            return await _LISTERS[kind](self, url)
        except (KeyError, TypeError, ValueError) as error:
            raise _unreadable(url) from error

    async def ask(self, url: str) -> Any:
        """The JSON document of an address.

        Raises:
            SourceRefused: there is none.
        """
        check_url(url.partition("?")[0], self._settings)
        data = bytearray()
        try:
            async with self._source.open(url) as response:
                async for chunk in response.chunks:
                    data += chunk
            return json.loads(data)
        except RequestFailed as error:
            raise SourceRefused(f"The record can't be read: {error}") from error
        except (ValueError, RecursionError) as error:
            raise _unreadable(url) from error


def _unreadable(url: str) -> SourceRefused:
    host = urlsplit(url).hostname
    return SourceRefused(f"{host} has answered with something that is not the record asked for.")


def _field(document: Any, *names: str) -> Any:
    """A value within a JSON document.

    Raises:
        SourceRefused: it is not there.
    """
    value = document
    for name in names:
        if not isinstance(value, dict) or name not in value:
            raise SourceRefused("The host of the record has answered with something else.")
        value = value[name]
    return value


# --- which version -------------------------------------------------------------------------------


async def _find_zenodo(deposits: Deposits, base: str, doi: str) -> Deposit:
    match = _ZENODO.fullmatch(doi)
    if match is None:
        raise SourceRefused(f"{doi} is not a DOI of Zenodo, as in 10.5281/zenodo.3242074.")
    # The DOI of all versions leads to the newest one.
    record = await deposits.ask(f"{base}/api/records/{match[1]}")
    version = str(_field(record, "id"))
    return Deposit(f"{base}/api/records/{quote(version, safe='')}", version)


async def _find_figshare(deposits: Deposits, base: str, doi: str) -> Deposit:
    match = _FIGSHARE.fullmatch(doi)
    if match is None:
        text = f"{doi} is not a DOI of Figshare, as in 10.6084/m9.figshare.9782777.v1."
        raise SourceRefused(text)
    article, version = match[1], match[2]
    if not version:
        version = str(int(_field(await deposits.ask(f"{base}/v2/articles/{article}"), "version")))
    url = f"{base}/v2/articles/{article}/versions/{version}"
    await deposits.ask(url)
    return Deposit(url, f"{article}.v{version}")


async def _find_dataverse(deposits: Deposits, base: str, doi: str) -> Deposit:
    handle = await deposits.ask(f"{base}/api/handles/{quote(doi)}")
    values = _field(handle, "values")
    targets = [_field(value, "data", "value") for value in values if value.get("type") == "URL"]
    if not targets:
        raise SourceRefused(f"The DOI {doi} leads nowhere.")
    host = urlsplit(str(targets[0])).netloc
    query = f"persistentId=doi:{quote(doi)}"
    dataset = await deposits.ask(f"https://{host}/api/datasets/:persistentId?{query}")
    number, latest = int(_field(dataset, "data", "id")), _field(dataset, "data", "latestVersion")
    major, minor = (int(_field(latest, key)) for key in ("versionNumber", "versionMinorNumber"))
    url = f"https://{host}/api/datasets/{number}/versions/{major}.{minor}/files"
    return Deposit(url, f"{number}.v{major}.{minor}")


async def _find_hydroshare(deposits: Deposits, base: str, resource: str) -> Deposit:
    elements = await deposits.ask(f"{base}/hsapi/resource/{resource}/scimeta/elements")
    dates = _field(elements, "dates")
    modified = [str(_field(date, "start_date")) for date in dates if date["type"] == "modified"]
    # Resources have no versions: what is fetched later may be newer.
    version = re.sub(r"\D", "", (modified or ["0"])[0])[:14]
    return Deposit(f"{base}/hsapi/resource/{resource}/files/", f"{resource}.v{version}")


_FINDERS: Mapping[Kind, Callable[[Deposits, str, str], Awaitable[Deposit]]] = {
    "zenodo": _find_zenodo,
    "figshare": _find_figshare,
    "dataverse": _find_dataverse,
    "hydroshare": _find_hydroshare,
}


# --- which files ---------------------------------------------------------------------------------


async def _list_zenodo(deposits: Deposits, url: str) -> list[DepositFile]:
    record = await deposits.ask(url)
    listing = await deposits.ask(str(_field(record, "links", "files")))
    entries = _field(listing, "entries")
    return [
        DepositFile(str(file["key"]), str(_field(file, "links", "content"))) for file in entries
    ]


async def _list_figshare(deposits: Deposits, url: str) -> list[DepositFile]:
    files = _field(await deposits.ask(url), "files")
    return [
        DepositFile(str(file["name"]), str(file["download_url"]))
        for file in files
        if not file.get("is_link_only")
    ]


async def _list_dataverse(deposits: Deposits, url: str) -> list[DepositFile]:
    files = _field(await deposits.ask(url), "data")
    base = f"https://{urlsplit(url).netloc}/api/access/datafile"
    return [_dataverse_file(file, base) for file in files]


def _dataverse_file(file: Any, base: str) -> DepositFile:
    data = _field(file, "dataFile")
    # Tables are kept in another format than they were uploaded in.
    name = str(data.get("originalFileName") or _field(file, "label"))
    folder = str(file.get("directoryLabel") or "")
    query = "?format=original" if data.get("originalFileName") else ""
    return DepositFile(f"{folder}/{name}".lstrip("/"), f"{base}/{int(data['id'])}{query}")


async def _list_hydroshare(deposits: Deposits, url: str) -> list[DepositFile]:
    results, page = list[Any](), url
    while page:
        listing = await deposits.ask(page)
        results += _field(listing, "results")
        page = str(listing.get("next") or "").replace("http://", "https://", 1)
    urls = [str(_field(file, "url")).replace("http://", "https://", 1) for file in results]
    return [DepositFile(address.partition("/data/contents/")[2], address) for address in urls]


_LISTERS: Mapping[Kind, Callable[[Deposits, str], Awaitable[list[DepositFile]]]] = {
    "zenodo": _list_zenodo,
    "figshare": _list_figshare,
    "dataverse": _list_dataverse,
    "hydroshare": _list_hydroshare,
}
