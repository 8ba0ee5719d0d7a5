"""A file behind an https address, read as it comes: at most as fast as it is written elsewhere."""

import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urljoin, urlsplit

from rosetta_hub.addresses import AddressGuard, RequestFailed
from rosetta_hub.http_requests import REDIRECTS, HttpClient, Request, Response, Timeouts

MOST_REDIRECTS = 5

_PRINTABLE = re.compile(r"[!-~]+")


class FetchRefused(RequestFailed):
    """A file can't be fetched from there; the message is for the user."""

    def __init__(self, message: str) -> None:
        super().__init__("refused", message)


class HttpSource:
    """Fetches files from https addresses, as `guard` permits; plain http where that is allowed.

    `limit` is in bytes of a file. Certificates are checked by those in `ca_file`, or the system's.
    """

    def __init__(
        self, guard: AddressGuard, allow_http: bool, limit: int, ca_file: str = ""
    ) -> None:
        self._context = ssl.create_default_context(cafile=ca_file) if ca_file else None
        self._client = HttpClient(guard, limit, Timeouts())
        self._schemes = ("https", "http") if allow_http else ("https",)

    def check(self, url: str) -> None:
        """Refuse an address that is never fetched.

        Raises:
            FetchRefused: it is not https, or holds a password, which would be shown.
        """
        try:
            parts = urlsplit(url)
            is_host = bool(parts.hostname) and parts.port != 0 and parts.username is None
            if is_host and parts.scheme in self._schemes and _PRINTABLE.fullmatch(url):
                return
        except ValueError:
            pass
        raise FetchRefused(
            "Only files of addresses that begin with https:// are fetched, without user and"
            " password in them."
        )

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[Response]:
        """Request a file; redirects are followed, and checked in the same way.

        Raises:
            RequestFailed: it can't be fetched, and why.
        """
        for _ in range(MOST_REDIRECTS + 1):
            self.check(url)
            async with self._client.open(Request(url), self._context) as response:
                location = _location(response, urlsplit(url).hostname or "")
                if location is None:
                    yield response
                    return
            url = urljoin(url, location)
        raise FetchRefused("The server redirects again and again.")


def _location(response: Response, host: str) -> str | None:
    """Where a server redirects to; None where the file comes."""
    if response.status in REDIRECTS and "Location" in response.headers:
        return response.headers["Location"]
    if response.status != 200:
        raise FetchRefused(
            f"{host} answers {response.status}: there is no such file, or it is not public."
        )
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise FetchRefused(f"{host} sends the file compressed only.")
    return None
