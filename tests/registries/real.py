"""The registry of this machine, with TLS and a login; images are pushed without an engine."""

import contextlib
import hashlib
import json
import secrets
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from rosetta_hub.catalogue.registries import load_registries
from rosetta_hub.keys import Keys
from rosetta_hub.registries.client import RegistryClient
from rosetta_hub.registries.hub_registry import (
    CERTIFICATE_FILE,
    HubRegistry,
    Scope,
    load_registry,
    parse_scopes,
)
from rosetta_hub.web.registry_token import parse_basic
from tests.support.certificates import make_certificate
from tests.support.ports import free_port
from tests.support.private_registry import ACCOUNT, build_auth, serve_registry

from .fake_registry import CONFIG, INDEX, MANIFEST

REPOSITORY = f"{ACCOUNT}/app"


@dataclass(frozen=True)
class Login:
    """Account and password."""

    account: str
    password: str


@dataclass(frozen=True)
class RealRegistry:
    """Where it is, who signed its certificate, and who gets in; `authorization` may push."""

    host: str
    authority: Path
    login: Login
    authorization: str

    def client(self) -> RegistryClient:
        """A client of a site that has the registry in its configuration."""
        return RegistryClient(
            load_registries([{"host": self.host, "ca_file": str(self.authority)}])
        )

    def push(self, tag: str, *archs: str) -> str:
        """Push an image for these architectures; returns the digest of its index."""
        context = ssl.create_default_context(cafile=str(self.authority))
        headers = {"Authorization": self.authorization}
        base = f"https://{self.host}/v2/{REPOSITORY}/"
        with httpx.Client(base_url=base, verify=context, headers=headers, timeout=60) as http:
            entries = [self._push_image(http, arch) for arch in archs]
            index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
            return _put_manifest(http, tag, index, INDEX)

    def _push_image(self, http: httpx.Client, arch: str) -> dict[str, object]:
        about = {"ExposedPorts": {"8888/tcp": {}}, "User": "1000", "Labels": {"arch": arch}}
        config = {"os": "linux", "architecture": arch, "config": about}
        rootfs = {"type": "layers", "diff_ids": []}
        content = json.dumps({**config, "rootfs": rootfs}).encode()
        digest = _put_blob(http, content)
        described = {"mediaType": CONFIG, "digest": digest, "size": len(content)}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": []}
        digest = _put_manifest(http, "", manifest, MANIFEST)
        platform = {"os": "linux", "architecture": arch}
        size = len(json.dumps(manifest))
        return {"mediaType": MANIFEST, "digest": digest, "size": size, "platform": platform}


def _put_blob(http: httpx.Client, content: bytes) -> str:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    upload = http.post("blobs/uploads/").raise_for_status().headers["Location"]
    target = httpx.URL(upload).copy_merge_params({"digest": digest})
    http.put(target, content=content).raise_for_status()
    return digest


def _put_manifest(http: httpx.Client, tag: str, document: object, kind: str) -> str:
    content = json.dumps(document).encode()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    answer = http.put(f"manifests/{tag or digest}", content=content, headers={"Content-Type": kind})
    answer.raise_for_status()
    return digest


@contextlib.contextmanager
def real_registry(
    folder: Path, auth: str, login: Login, authorization: str
) -> Iterator[RealRegistry]:
    """A running registry with TLS; `auth` is that part of its configuration (YAML)."""
    host = f"127.0.0.1:{free_port()}"
    certificate, key = make_certificate(folder)
    config = (
        "version: 0.1\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
        f'http: {{addr: "{host}", tls: {{certificate: {certificate}, key: {key}}}}}\n'
        f"auth: {{{auth}}}\n"
    )
    with serve_registry(folder, host, config):
        yield RealRegistry(host, certificate, login, authorization)


@contextlib.contextmanager
def basic_registry(folder: Path) -> Iterator[RealRegistry]:
    """A registry that wants account and password."""
    login = Login(ACCOUNT, f"password-{secrets.token_hex(12)}")
    authorization = httpx.BasicAuth(login.account, login.password)._auth_header
    auth = build_auth(folder, login.password)
    with real_registry(folder, auth, login, authorization) as registry:
        yield registry


class TokenHandler(web.RequestHandler):
    """A token server: who has the password may pull and push, all others nothing."""

    def initialize(self, registry: HubRegistry, login: Login) -> None:
        self._registry, self._login = registry, login

    def get(self) -> None:
        header = self.request.headers.get("Authorization", "")
        basic = parse_basic(header)
        if header and basic != (self._login.account, self._login.password):
            self.set_status(401)
            return
        actions = {"pull", "push"} if header else set[str]()
        scopes = parse_scopes(self.get_query_arguments("scope"))
        token = self._registry.grant(self._login.account, frozenset(), scopes, actions)
        self.finish({"token": token, "expires_in": 300})


@contextlib.contextmanager
def token_registry(folder: Path) -> Iterator[RealRegistry]:
    """A registry that wants tokens of a server of its own, which has the same certificate."""
    login = Login(ACCOUNT, f"password-{secrets.token_hex(12)}")
    signer = load_registry("images.example.org", folder, Keys(folder))
    pull_and_push = [Scope(REPOSITORY, frozenset({"pull", "push"}))]
    token = signer.grant(ACCOUNT, frozenset(), pull_and_push, {"pull", "push"})
    sockets = bind_sockets(0, "127.0.0.1")
    realm = f"https://127.0.0.1:{sockets[0].getsockname()[1]}/token"
    auth = (
        f"token: {{realm: '{realm}', service: {signer.host}, issuer: {signer.issuer},"
        f" rootcertbundle: {folder / CERTIFICATE_FILE}}}"
    )
    with real_registry(folder, auth, login, f"Bearer {token}") as registry:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(registry.authority, folder / "key.pem")
        routes = [(r"/token", TokenHandler, {"registry": signer, "login": login})]
        server = HTTPServer(web.Application(routes), ssl_options=context)
        server.add_sockets(sockets)
        try:
            yield registry
        finally:
            server.stop()
