"""A store that is reached over WebDAV (RFC 4918)."""

import contextlib
import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from rosetta_agent.files.errors import FilesError, refuse, show
from rosetta_agent.files.frames import MAX_DATA
from rosetta_agent.files.reading import changed
from rosetta_hub.files.remote.multistatus import (
    PROPFIND,
    WebDavResource,
    build_time,
    parse_resources,
)
from rosetta_hub.files.remote.store import StoreItem, StoreUnavailable, check_names, join

# Seconds until a server begins to answer: less than the hub waits, so that the user is told why.
_TIMEOUT = 8.0
# Seconds that a server may take for what it does with all of a file.
_LONG_TIMEOUT = 570.0
_MAX_LIST = 256 << 20
_CODES = {401: "permission", 403: "permission", 404: "not_found", 409: "not_found"}
_CODES |= {410: "not_found", 412: "changed", 413: "too_large", 423: "permission", 507: "no_space"}
_BUSY = (408, 425, 429, 500, 502, 503, 504)


class WebDavStore:
    """The folder `root` of a WebDAV server; see `Store` for what the methods do.

    `settings` holds `url`, `user`, `password` and `ca` (PEM, empty: the system's).
    """

    def __init__(self, settings: Mapping[str, Any], root: bytes) -> None:
        self.account = settings["user"] or "anonymous"
        check_names(root)
        self._base = settings["url"].rstrip("/") + quote(b"/" + root.strip(b"/")).rstrip("/")
        self._client = httpx.Client(
            auth=(settings["user"], settings["password"]) if settings["user"] else None,
            verify=ssl.create_default_context(cadata=settings["ca"] or None),
            follow_redirects=False,
            trust_env=False,
            timeout=_TIMEOUT,
            headers={"Accept-Encoding": "identity"},
        )

    def open_root(self, create: bool) -> None:
        try:
            item = self.stat(b"")
        except FilesError as error:
            if error.code != "not_found" or not create:
                raise
            with contextlib.suppress(FilesError):
                self.mkdir(b"")
            item = self.stat(b"")
        if not item.is_directory:
            raise refuse("not_directory", b"")

    def usage(self) -> dict[str, int]:
        resource = self._find(b"", depth=0)[0]
        free, used = resource.free or 0, resource.used or 0
        return {"total": free + used, "free": free, "used": used}

    def stat(self, path: bytes) -> StoreItem:
        return _item(path, self._find(path, depth=0)[0])

    def children(self, path: bytes) -> list[StoreItem]:
        here = urlsplit(self._url(path)).path
        resources = self._find(path, depth=1)
        return [
            _item(join(path, name), resource)
            for resource in resources
            if (name := resource.name_in(here)) is not None
        ]

    def exact(self, item: StoreItem) -> StoreItem:
        return item

    def read(self, item: StoreItem, offset: int, length: int) -> Iterator[bytes]:
        if not length:
            return
        headers = {"Range": f"bytes={offset}-{offset + length - 1}"}
        if item.version and not item.version.startswith("W/"):
            headers["If-Match"] = item.version
        with self._stream(item.path, headers) as response:
            is_whole = offset == 0 and length == item.size
            if response.status_code != 206 and not is_whole:
                raise FilesError("failed", f"{show(item.path)}: the server sends no ranges.")
            for chunk in response.iter_raw(MAX_DATA):
                length -= len(chunk)
                if length < 0:
                    break
                yield chunk
        if length:
            raise changed(item.path)

    def put(self, path: bytes, content: bytes | Iterable[bytes], length: int | None) -> None:
        headers = {} if length is None else {"Content-Length": str(length)}
        self._send("PUT", path, headers, content=content, timeout=_LONG_TIMEOUT)

    def join(self, parts: Sequence[StoreItem], target: bytes) -> None:
        content = (chunk for item in parts for chunk in self.read(item, 0, item.size))
        self.put(target, content, sum(item.size for item in parts))

    def check_target(self, path: bytes) -> None:
        check_names(path)
        # Servers that decode the header Destination too early (WsgiDAV) would use what is before.
        if b"?" in path or b";" in path:
            raise FilesError("invalid", f"{show(path)}: new names have no '?' and no ';' here.")

    def set_time(self, path: bytes, mtime_ns: int) -> None:
        resource = self._find(path, depth=0)[0]
        headers = {"Content-Type": "application/xml"}
        with contextlib.suppress(FilesError):
            self._send("PROPPATCH", path, headers, content=build_time(resource, mtime_ns))

    def mkdir(self, path: bytes) -> None:
        if self._send("MKCOL", path, allowed=(405,)).status_code == 405:
            raise refuse("exists", path)

    def remove(self, path: bytes) -> None:
        self._send("DELETE", path, timeout=_LONG_TIMEOUT)

    def remove_items(self, items: Sequence[StoreItem]) -> None:
        for item in items:
            self.remove(item.path)

    def move(self, source: bytes, target: bytes, overwrite: bool) -> None:
        self._relocate("MOVE", source, target, overwrite)

    def copy(self, source: bytes, target: bytes) -> None:
        self._relocate("COPY", source, target, overwrite=False)

    def _relocate(self, method: str, source: bytes, target: bytes, overwrite: bool) -> None:
        self.check_target(target)
        headers = {"Destination": self._url(target), "Overwrite": "T" if overwrite else "F"}
        answer = self._send(method, source, headers, allowed=(412,), timeout=_LONG_TIMEOUT)
        if answer.status_code == 412:
            raise refuse("exists", target)
        if answer.status_code == 207:
            raise FilesError("failed", f"{show(source)}: a part of it could not be moved.")

    def _url(self, path: bytes) -> str:
        return f"{self._base}/{quote(path)}" if path else f"{self._base}/"

    def _find(self, path: bytes, depth: int) -> list[WebDavResource]:
        headers = {"Depth": str(depth), "Content-Type": "application/xml"}
        answer = self._send("PROPFIND", path, headers, content=PROPFIND)
        resources = parse_resources(answer.content) if answer.status_code == 207 else []
        if not resources:
            raise FilesError("failed", "The server's answer is none of WebDAV. Check the address.")
        return resources

    def _send(
        self,
        method: str,
        path: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        content: bytes | Iterable[bytes] = b"",
        allowed: tuple[int, ...] = (),
        timeout: float = _TIMEOUT,
    ) -> httpx.Response:
        """The answer to a request, read to its end."""
        check_names(path)
        request = self._client.build_request(
            method,
            self._url(path),
            headers=headers,
            content=content,
            timeout=httpx.Timeout(timeout, connect=_TIMEOUT),
        )
        with _explained(), contextlib.closing(self._client.send(request, stream=True)) as answer:
            if answer.status_code not in allowed:
                _check(answer, path)
            body = bytearray()
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > _MAX_LIST:
                    raise FilesError("too_large", f"{show(path)} has too many entries.")
        return httpx.Response(answer.status_code, content=bytes(body))

    @contextlib.contextmanager
    def _stream(self, path: bytes, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        check_names(path)
        with _explained(), self._client.stream("GET", self._url(path), headers=headers) as answer:
            _check(answer, path)
            yield answer


def _item(path: bytes, resource: WebDavResource) -> StoreItem:
    return StoreItem(
        path, resource.is_directory, resource.size, resource.mtime_ns, resource.version
    )


def _check(answer: httpx.Response, path: bytes) -> None:
    """Raise FilesError or StoreUnavailable for an answer that is no success."""
    status = answer.status_code
    if status < 300:
        return
    if status < 400:
        text = f"{show(path)}: the server redirects elsewhere, which is not followed."
        raise FilesError("failed", text)
    if status in _BUSY:
        raise StoreUnavailable(f"The storage's server answers with {status}. Try again later.")
    if status == 401:
        text = "The server does not accept the password of this storage. Ask the administrator."
        raise FilesError("permission", text)
    if status == 412:
        raise changed(path)
    if status in _CODES:
        raise refuse(_CODES[status], path)
    raise FilesError("failed", f"{show(path)}: the server answers with {status}.")


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except httpx.TimeoutException as error:
        raise StoreUnavailable("The storage's server does not answer. Try again later.") from error
    except httpx.HTTPError as error:
        text = f"The storage's server can't be reached: {error}. Try again later."
        raise StoreUnavailable(text) from error
