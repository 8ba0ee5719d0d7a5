"""HTTP calls of slurmrestd, in the newest version of its API that both sides know."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse

from rosetta_hub.catalogue.computing_conf import SlurmRestConf
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.resources.slurm.tokens import CommandTokens, SignedTokens, Tokens

Document = dict[str, Any]

# Newest first; what each of them changed is in the documents that are read here alike.
API_VERSIONS = ("v0.0.42", "v0.0.41", "v0.0.40")
CONNECT_TIMEOUT = 20
REQUEST_TIMEOUT = 90
# slurmrestd has no filter by account: the answer holds the whole queue, at several KB a job.
MAX_ANSWER = 1 << 29
_LARGE = 1 << 18


@dataclass(frozen=True)
class SlurmFault:
    """An error in an answer, in Slurm's words (slurm_errno.c) and in those of the call."""

    error: str
    description: str = ""
    number: int = 0

    @property
    def text(self) -> str:
        """Both, as one line."""
        return ": ".join(filter(None, (self.error, self.description)))


class RestFault(Exception):
    """slurmrestd answered with errors."""

    def __init__(self, faults: list[SlurmFault]) -> None:
        super().__init__("; ".join(fault.text for fault in faults) or "an error without words")
        self.faults = faults


class _Denied(ResourceUnavailable):
    """The token was refused."""


class RestClient:
    """One slurmrestd, for all accounts."""

    def __init__(self, conf: SlurmRestConf, tokens: Tokens | None = None) -> None:
        self._url = conf.url.rstrip("/")
        self._ca_file = conf.ca_file
        self._version = conf.api_version
        self._fixed = conf.api_version
        self._tokens = tokens or _tokens(conf)
        self._http: AsyncHTTPClient | None = None

    async def get(self, user: str, part: str, path: str) -> Document:
        """Call `GET /<part>/<version>/<path>` as that account; `part`: `slurm` or `slurmdb`.

        Raises:
            RestFault: the answer tells of errors.
            ResourceUnavailable: there was no answer, or none that can be read.
        """
        return await self._call(user, "GET", part, path, None)

    async def post(self, user: str, part: str, path: str, body: Document) -> Document:
        """Like `get`, with a document to send."""
        return await self._call(user, "POST", part, path, json.dumps(body))

    async def delete(self, user: str, part: str, path: str) -> Document:
        """Like `get`."""
        return await self._call(user, "DELETE", part, path, None)

    def close(self) -> None:
        """Close what is open."""
        if self._http is not None:
            self._http.close()
            self._http = None

    async def _call(
        self, user: str, method: str, part: str, path: str, body: str | None
    ) -> Document:
        try:
            return await self._once(user, method, part, path, body)
        except _Denied:
            # A token that Slurm no longer takes; another one may be new.
            self._tokens.forget(user)
        return await self._once(user, method, part, path, body)

    async def _once(
        self, user: str, method: str, part: str, path: str, body: str | None
    ) -> Document:
        version = await self._negotiate(user)
        answer = await self._fetch(user, method, f"/{part}/{version}/{path}", body)
        if answer.code == 404 and self._fixed is None and not _is_json(answer):
            # Another version of slurmrestd was started meanwhile.
            self._version = None
        return await _read(answer)

    async def _negotiate(self, user: str) -> str:
        if self._version is not None:
            return self._version
        for version in API_VERSIONS:
            answer = await self._fetch(user, "GET", f"/slurm/{version}/ping/", None)
            if answer.code in (401, 403):
                raise _Denied(_DENIED)
            if answer.code < 400 or (answer.code == 500 and _is_json(answer)):
                self._version = version
                return version
        raise ResourceUnavailable(
            f"slurmrestd knows none of the versions {', '.join(API_VERSIONS)} of its API"
        )

    async def _fetch(self, user: str, method: str, path: str, body: str | None) -> HTTPResponse:
        if self._http is None:
            self._http = AsyncHTTPClient(force_instance=True, max_buffer_size=MAX_ANSWER)
        headers = {
            "X-SLURM-USER-NAME": user,
            "X-SLURM-USER-TOKEN": await self._tokens.token(user),
            "Accept": "application/json",
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = HTTPRequest(
            self._url + path,
            method=method,
            headers=headers,
            body=body,
            ca_certs=self._ca_file,
            connect_timeout=CONNECT_TIMEOUT,
            request_timeout=REQUEST_TIMEOUT,
            # A redirect would carry the token elsewhere.
            follow_redirects=False,
        )
        try:
            return await self._http.fetch(request, raise_error=False)
        except (HTTPClientError, OSError) as error:
            raise ResourceUnavailable(f"slurmrestd does not answer: {error}") from error


_DENIED = "slurmrestd does not accept the token: look at its key, and at the clocks"


def _tokens(conf: SlurmRestConf) -> Tokens:
    if conf.jwt_key_file:
        return SignedTokens(conf.jwt_key_file)
    return CommandTokens(conf.token_command)


def _is_json(answer: HTTPResponse) -> bool:
    return answer.headers.get("Content-Type", "").startswith("application/json")


async def _read(answer: HTTPResponse) -> Document:
    if answer.code == 599:
        raise ResourceUnavailable(f"slurmrestd does not answer: {answer.error}")
    if answer.code in (401, 403):
        raise _Denied(_DENIED)
    try:
        body = answer.body
        # A large queue takes seconds: not in the loop.
        document = (
            await asyncio.to_thread(json.loads, body) if len(body) > _LARGE else json.loads(body)
        )
    except ValueError as error:
        raise ResourceUnavailable(f"slurmrestd answered {answer.code} without JSON") from error
    if not isinstance(document, dict):
        raise ResourceUnavailable("slurmrestd answered with what is no document")
    faults = [_fault(entry) for entry in document.get("errors") or () if isinstance(entry, Mapping)]
    if any("authentication" in fault.error.lower() for fault in faults):
        raise _Denied(_DENIED)
    if faults or answer.code >= 400:
        raise RestFault(faults)
    return document


def _fault(entry: Mapping[str, Any]) -> SlurmFault:
    number = entry.get("error_number")
    return SlurmFault(
        error=str(entry.get("error") or "")[:300],
        description=str(entry.get("description") or "")[:300],
        number=number if isinstance(number, int) else 0,
    )
