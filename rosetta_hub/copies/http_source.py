"""A file behind an https address, read as it comes: at most as fast as it is written elsewhere."""

import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from rosetta_hub.addresses import AddressGuard, RequestFailed
from rosetta_hub.http_requests import HttpClient, Request, Response, Timeouts, redirect_url

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
                target = redirect_url(url, response)
                if target is None:
                    _check(response, urlsplit(url).hostname or "")
                    yield response
                    return
            url = target
        raise FetchRefused("The server redirects again and again.")


def _check(response: Response, host: str) -> None:
    """Refuse what is not a file, as it is."""
    if response.status != 200:
        raise FetchRefused(
            f"{host} answers {response.status}: there is no such file, or it is not public."
        )
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise FetchRefused(f"{host} sends the file compressed only.")
