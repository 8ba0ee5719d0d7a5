"""Answers of WebDAV servers to PROPFIND."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_to_bytes, urlsplit

from rosetta_agent.files.errors import FilesError

_DAV = "{DAV:}"
_OURS = "urn:rosetta-hub:files"
_TIME = f"{{{_OURS}}}modified"

PROPFIND = (
    '<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop><D:resourcetype/>'
    "<D:getcontentlength/><D:getlastmodified/><D:getetag/><D:quota-available-bytes/>"
    f'<D:quota-used-bytes/><R:modified xmlns:R="{_OURS}"/></D:prop></D:propfind>'
).encode()


@dataclass(frozen=True)
class WebDavResource:
    """What a server says of one address."""

    href: bytes
    is_directory: bool
    size: int
    modified: str
    version: str
    free: int | None
    used: int | None
    time: str
    """What `build_time` has stored, if anything."""

    @property
    def mtime_ns(self) -> int:
        """The time that was stored with this very content, or that of the server."""
        stored, _, of = self.time.partition(" ")
        if stored.isdigit() and of == f"{self.size} {self.modified}":
            return int(stored)
        try:
            time = parsedate_to_datetime(self.modified)
        except (TypeError, ValueError):
            return 0
        since = time.replace(tzinfo=time.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        return max(0, int(since.total_seconds())) * 10**9

    def name_in(self, folder: str) -> bytes | None:
        """The name in a folder, given by the path of its address; None where it is not in it."""
        above, _, name = self.href.rstrip(b"/").rpartition(b"/")
        is_here = above.rstrip(b"/") == unquote_to_bytes(folder).rstrip(b"/")
        return name if is_here and name not in (b"", b".", b"..") else None


def parse_resources(body: bytes) -> list[WebDavResource]:
    """All that a server names. FilesError where it is no such answer."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise FilesError("failed", "The server's answer is none of WebDAV: it declares entities.")
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - nothing is declared in it
    except ElementTree.ParseError as error:
        raise FilesError("failed", "The server's answer is none of WebDAV.") from error
    return [_resource(response) for response in root.iter(f"{_DAV}response")]


def build_time(resource: WebDavResource, mtime_ns: int) -> bytes:
    """The body of a PROPPATCH that stores the time of a file's last change."""
    text = f"{mtime_ns} {resource.size} {resource.modified}"
    time = ElementTree.Element(_TIME)
    time.text = text
    update = ElementTree.Element(f"{_DAV}propertyupdate")
    properties = ElementTree.SubElement(ElementTree.SubElement(update, f"{_DAV}set"), f"{_DAV}prop")
    properties.append(time)
    body: bytes = ElementTree.tostring(update, encoding="utf-8")
    return body


def _resource(response: ElementTree.Element) -> WebDavResource:
    href = (response.findtext(f"{_DAV}href") or "").strip()
    values = {element.tag: element for element in _properties(response)}
    kind = values.get(f"{_DAV}resourcetype")

    def text(name: str) -> str:
        element = values.get(name)
        return "" if element is None else (element.text or "").strip()

    def number(name: str) -> int | None:
        value = text(_DAV + name)
        return int(value) if value.isdigit() else None

    return WebDavResource(
        href=unquote_to_bytes(urlsplit(href).path),
        is_directory=kind is not None and kind.find(f"{_DAV}collection") is not None,
        size=number("getcontentlength") or 0,
        modified=text(f"{_DAV}getlastmodified"),
        version=text(f"{_DAV}getetag"),
        free=number("quota-available-bytes"),
        used=number("quota-used-bytes"),
        time=text(_TIME),
    )


def _properties(response: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """Those that the server has."""
    for propstat in response.iter(f"{_DAV}propstat"):
        if " 200 " in f"{propstat.findtext(f'{_DAV}status') or ''} ":
            for properties in propstat.iter(f"{_DAV}prop"):
                yield from properties
