"""HTTP to registries: which addresses, which certificates, how much, and how long."""

import asyncio
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from tornado.httputil import HTTPHeaders

from rosetta_hub.addresses import AddressGuard, RequestFailed
from rosetta_hub.catalogue.registries import DOCKER_HUB, Registries
from rosetta_hub.http_requests import HttpClient, Request, Timeouts, redirect_url
from rosetta_hub.registries.errors import RegistryRefused, RegistryUnavailable

# Bytes: the largest manifest that registries have to accept (OCI distribution specification), and
# more than any configuration or list of tags needs.
MOST_BYTES = 4 << 20
TIMEOUTS = Timeouts(connect=5.0, answer=10.0, read=5.0)
# Seconds of one request, redirects included: a registry that sends a byte a second is none.
REQUEST_TIMEOUT = 15.0
MOST_REDIRECTS = 4

_PRINTABLE = re.compile(r"[!-~]+")
_HUB_HOST = "registry-1.docker.io"
_MESSAGES = {
    "too_large": "{host} sends more than an image's description can have.",
    "incomplete": "{host} did not answer completely. Try again later.",
    "silent": "{host} does not answer. Try again later.",
}


@dataclass(frozen=True)
class RegistryAnswer:
    """A complete answer."""

    status: int
    headers: HTTPHeaders
    body: bytes

    @property
    def is_html(self) -> bool:
        """Whether it is a page for users, which a registry does not send."""
        kind: str = self.headers.get("Content-Type", "")
        return kind.lower().startswith(("text/html", "application/xhtml"))


class RegistryConnection:
    """Asks registries over https.

    Registries of the configuration may be on private networks, and without TLS where it says so.
    Of all others neither they nor what they redirect to may be, but for `networks`.
    """

    def __init__(self, registries: Registries, networks: Sequence[str] = ()) -> None:
        self._registries = registries
        self._guarded = HttpClient(AddressGuard(networks), MOST_BYTES, TIMEOUTS)
        self._trusted = HttpClient(None, MOST_BYTES, TIMEOUTS)
        self._contexts: dict[tuple[str, float], ssl.SSLContext] = {}

    def url(self, host: str, path: str) -> str:
        """The address of a path of a registry."""
        scheme = "http" if self._is_plain(host) else "https"
        return f"{scheme}://{_HUB_HOST if host == DOCKER_HUB else host}{path}"

    async def send(self, host: str, request: Request) -> RegistryAnswer:
        """The answer to a request for the registry `host`, or for its token server.

        Redirects are followed without credentials.

        Raises:
            RegistryRefused: an address or certificate that is not accepted, or too large an answer.
            RegistryUnavailable: no answer in time.
        """
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                return await self._follow(host, request)
        except TimeoutError as error:
            raise RegistryUnavailable(_MESSAGES["silent"].format(host=host)) from error
        except RequestFailed as error:
            message = _MESSAGES.get(error.reason, str(error)).format(host=host)
            if error.reason in ("unreachable", "silent", "incomplete"):
                raise RegistryUnavailable(message) from error
            raise RegistryRefused(error.reason, message) from error

    async def _follow(self, host: str, request: Request) -> RegistryAnswer:
        for _ in range(MOST_REDIRECTS + 1):
            self._check_url(host, request.url)
            answer = await self._send(host, request)
            if isinstance(answer, RegistryAnswer):
                return answer
            # The token is the registry's; a signed address of a store needs none.
            headers = {k: v for k, v in request.headers.items() if k.lower() != "authorization"}
            request = replace(request, url=answer, headers=headers)
        raise RegistryRefused("redirect", f"{host} redirects again and again.")

    async def _send(self, host: str, request: Request) -> RegistryAnswer | str:
        """The answer, or the address to which it redirects."""
        client = self._guarded if self._registries.find(host) is None else self._trusted
        async with client.open(request, self._context(host)) as response:
            target = redirect_url(request.url, response)
            if target is not None:
                return target
            body = b"".join([chunk async for chunk in response.chunks])
            return RegistryAnswer(response.status, response.headers, body)

    def _check_url(self, host: str, url: str) -> None:
        schemes = ("https", "http") if self._is_plain(host) else ("https",)
        try:
            parts = urlsplit(url)
            is_host = bool(parts.hostname) and parts.port != 0 and parts.username is None
            if is_host and parts.scheme in schemes and _PRINTABLE.fullmatch(url):
                return
        except ValueError:
            pass
        raise RegistryRefused("redirect", f"{host} leads to an address that is not https.")

    def _is_plain(self, host: str) -> bool:
        registry = self._registries.find(host)
        return registry is not None and registry.plain_http

    def _context(self, host: str) -> ssl.SSLContext:
        """The certificates to check by: the system's, and those of the registry's `ca_file`.

        Reading them takes a while, so contexts are kept until the file changes.
        """
        registry = self._registries.find(host)
        path = registry.ca_file if registry else ""
        try:
            key = (path, Path(path).stat().st_mtime if path else 0.0)
            if key not in self._contexts:
                context = ssl.create_default_context()
                if path:
                    context.load_verify_locations(path)
                self._contexts[key] = context
        except OSError as error:
            message = f"The certificates for {host} can't be read. Tell the administrator."
            raise RegistryUnavailable(message) from error
        return self._contexts[key]
