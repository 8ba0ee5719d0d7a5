"""Asks registries about images, with the logins that they want (OCI distribution specification)."""

import base64
import re
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from rosetta_hub.catalogue.registries import DIGEST, TAG, Registries
from rosetta_hub.http_requests import Request
from rosetta_hub.registries.challenges import Challenge, parse_challenge
from rosetta_hub.registries.connection import RegistryAnswer, RegistryConnection
from rosetta_hub.registries.errors import RegistryRefused, RegistryUnavailable
from rosetta_hub.registries.manifests import (
    ACCEPT,
    Descriptor,
    check_content,
    digest_of,
    media_type_of,
    parse_document,
)
from rosetta_hub.registries.references import Reference
from rosetta_hub.registries.refusals import (
    Login,
    check_answer,
    login_needed,
    login_refused,
    not_a_registry,
    wrong_digest,
)

MOST_TAGS = 5000
# Pages of tags that are read.
MOST_PAGES = 20
# Tokens that are kept, and their seconds: what a registry says, within these bounds.
MOST_TOKENS = 1000
TOKEN_SECONDS = (60, 3600)
# A token is not used any more so many seconds before its end.
TOKEN_MARGIN = 10
# Seconds that account and password are sent without being asked for.
BASIC_SECONDS = 300

_NEXT = re.compile(r'<([^<>]+)>\s*;\s*rel="?next"?')


@dataclass(frozen=True)
class FoundManifest:
    """A manifest or index, whose content is what its digest says."""

    digest: str
    media_type: str
    document: dict[str, Any]


@dataclass(frozen=True)
class Tags:
    """Names of tags, in the registry's order; not complete where there are very many."""

    names: tuple[str, ...]
    complete: bool = True


@dataclass(frozen=True)
class _Authorization:
    header: str
    ends: float


# Registry, repository, account and password.
_Key = tuple[str, str, str, str]


class RegistryClient:
    """What registries hold, for whoever has the login.

    Methods raise RegistryRefused where the registry says no, or nothing that makes sense, and
    RegistryUnavailable where it does not answer. Tokens are kept for as long as they are good.
    """

    def __init__(self, registries: Registries, networks: Sequence[str] = ()) -> None:
        self._connection = RegistryConnection(registries, networks)
        self._authorizations: OrderedDict[_Key, _Authorization] = OrderedDict()

    async def digest(self, reference: Reference, login: Login | None = None) -> str:
        """The digest of the image: one request, which no limit of pulls counts."""
        answer = await self._ask(reference, _manifest_path(reference), login, "HEAD")
        digest: str = answer.headers.get("Docker-Content-Digest", "")
        if not DIGEST.fullmatch(digest):
            # Registries may leave the header out.
            return (await self.manifest(reference, login)).digest
        if reference.digest and digest != reference.digest:
            raise wrong_digest(reference)
        return digest

    async def exists(self, reference: Reference, login: Login | None = None) -> bool:
        """Whether the registry has the image."""
        try:
            await self.digest(reference, login)
        except RegistryRefused as error:
            if error.reason == "not_found":
                return False
            raise
        return True

    async def manifest(self, reference: Reference, login: Login | None = None) -> FoundManifest:
        """The manifest or index of the image; its content is compared with its digest."""
        answer = await self._ask(reference, _manifest_path(reference), login)
        host = reference.host
        digest = digest_of(answer.body)
        for stated in (reference.digest, answer.headers.get("Docker-Content-Digest")):
            if stated and stated.startswith("sha256:"):
                check_content(answer.body, stated, host)
        document = parse_document(answer.body, host)
        media_type = media_type_of(document, answer.headers.get("Content-Type", ""))
        return FoundManifest(digest, media_type, document)

    async def config(
        self, reference: Reference, descriptor: Descriptor, login: Login | None = None
    ) -> dict[str, Any]:
        """The document of a descriptor, compared with its digest and size."""
        path = f"/v2/{reference.repository}/blobs/{descriptor.digest}"
        answer = await self._ask(reference, path, login)
        if len(answer.body) != descriptor.size:
            raise RegistryRefused(
                "wrong_content",
                f"{reference.host} sends {len(answer.body)} bytes, where the image's description"
                f" says {descriptor.size}. Nothing of it is used.",
            )
        check_content(answer.body, descriptor.digest, reference.host)
        return parse_document(answer.body, reference.host)

    async def tags(self, reference: Reference, login: Login | None = None) -> Tags:
        """The tags of the image's repository, at most 5,000."""
        names: list[str] = []
        path: str | None = f"/v2/{reference.repository}/tags/list?n=1000"
        for _ in range(MOST_PAGES):
            answer = await self._ask(reference, path or "", login)
            listed = parse_document(answer.body, reference.host).get("tags") or []
            if not isinstance(listed, list):
                raise RegistryRefused("invalid_answer", f"{reference.host} sends no list of tags.")
            names += [tag for tag in listed if isinstance(tag, str) and TAG.fullmatch(tag)]
            path = _next_page(answer, reference)
            if path is None or len(names) > MOST_TAGS:
                break
        return Tags(tuple(names[:MOST_TAGS]), path is None and len(names) <= MOST_TAGS)

    async def check_login(self, host: str, login: Login) -> None:
        """Whether a registry accepts account and password."""
        answer = await self._connection.send(host, self._request(host, "/v2/", "GET", ""))
        if answer.status != 401:
            raise RegistryRefused("not_a_registry", f"{host} does not ask for a login.")
        header = (await self._authorise(answer, host, "", login)).header
        answer = await self._connection.send(host, self._request(host, "/v2/", "GET", header))
        if answer.status != 200:
            raise login_refused(host)

    async def _ask(
        self, reference: Reference, path: str, login: Login | None, method: str = "GET"
    ) -> RegistryAnswer:
        host = reference.host
        key = _key(reference, login)
        header = self._known(key)
        answer = await self._connection.send(host, self._request(host, path, method, header))
        if answer.status == 401:
            scope = f"repository:{reference.repository}:pull"
            authorization = await self._authorise(answer, host, scope, login)
            request = self._request(host, path, method, authorization.header)
            answer = await self._connection.send(host, request)
            if answer.status != 401:
                self._keep(key, authorization)
        check_answer(answer, reference, login)
        return answer

    def _request(self, host: str, path: str, method: str, authorization: str) -> Request:
        headers = {"Accept": ACCEPT if "/manifests/" in path else "application/json, */*"}
        if authorization:
            headers["Authorization"] = authorization
        return Request(self._connection.url(host, path), method, headers)

    async def _authorise(
        self, answer: RegistryAnswer, host: str, scope: str, login: Login | None
    ) -> _Authorization:
        challenge = parse_challenge(answer.headers.get_list("WWW-Authenticate"))
        if challenge is None:
            raise not_a_registry(host) if answer.is_html else login_needed(host)
        if challenge.kind == "bearer":
            return await self._fetch_token(challenge, host, scope, login)
        if login is None:
            raise login_needed(host)
        return _Authorization(_basic(login), time.monotonic() + BASIC_SECONDS)

    async def _fetch_token(
        self, challenge: Challenge, host: str, scope: str, login: Login | None
    ) -> _Authorization:
        headers = {"Accept": "application/json"}
        if login is not None:
            headers["Authorization"] = _basic(login)
        request = Request(challenge.token_url(scope), headers=headers)
        answer = await self._connection.send(host, request)
        if answer.status in (400, 401, 403):
            raise login_needed(host) if login is None else login_refused(host)
        if answer.status != 200:
            raise RegistryUnavailable(f"The token server of {host} answers {answer.status}.")
        document = parse_document(answer.body, host)
        token = document.get("token") or document.get("access_token")
        if not isinstance(token, str) or not re.fullmatch(r"[!-~]{1,65536}", token):
            raise RegistryRefused("invalid_answer", f"The token server of {host} sends no token.")
        return _Authorization(f"Bearer {token}", time.monotonic() + _seconds(document))

    def _known(self, key: _Key) -> str:
        authorization = self._authorizations.get(key)
        if authorization is None or authorization.ends < time.monotonic():
            self._authorizations.pop(key, None)
            return ""
        return authorization.header

    def _keep(self, key: _Key, authorization: _Authorization) -> None:
        self._authorizations[key] = authorization
        self._authorizations.move_to_end(key)
        while len(self._authorizations) > MOST_TOKENS:
            self._authorizations.popitem(last=False)


def _manifest_path(reference: Reference) -> str:
    return f"/v2/{reference.repository}/manifests/{quote(reference.target, safe=':')}"


def _key(reference: Reference, login: Login | None) -> _Key:
    account, password = (login.account, login.password) if login else ("", "")
    return (reference.host, reference.repository, account, password)


def _basic(login: Login) -> str:
    pair = f"{login.account}:{login.password}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def _seconds(document: dict[str, Any]) -> float:
    stated = document.get("expires_in")
    seconds = stated if isinstance(stated, int | float) else TOKEN_SECONDS[0]
    return min(max(seconds, TOKEN_SECONDS[0]), TOKEN_SECONDS[1]) - TOKEN_MARGIN


def _next_page(answer: RegistryAnswer, reference: Reference) -> str | None:
    """Path and query of the next page of tags; a link to elsewhere is none."""
    match = _NEXT.search(answer.headers.get("Link", ""))
    path = f"/v2/{reference.repository}/tags/list"
    parts = urlsplit(urljoin(path, match[1])) if match else None
    return f"{path}?{parts.query}" if parts is not None and parts.path == path else None
