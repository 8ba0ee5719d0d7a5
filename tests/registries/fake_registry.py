"""A small registry that holds what a test puts into it, and misbehaves as the test says."""

import hashlib
import json
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from rosetta_hub.catalogue.registries import Registries, load_registries
from rosetta_hub.registries.client import RegistryClient

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

Document = dict[str, Any]
Answer = Callable[["_Handler"], Awaitable[None] | None]


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def layer(size: int = 1000, **more: object) -> Document:
    return {"mediaType": LAYER, "digest": f"sha256:{'a' * 64}", "size": size, **more}


class FakeRegistry:
    """Documents by path; `answers` replaces the answer to a path, `requests` remembers them."""

    def __init__(self) -> None:
        self.documents: dict[str, tuple[str, bytes]] = {}
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, str, str]] = []
        self.host = ""

    def listen(self, context: ssl.SSLContext | None = None) -> HTTPServer:
        """Serve on a loopback port, with `context` over TLS."""
        sockets = bind_sockets(0, "127.0.0.1")
        self.host = f"127.0.0.1:{sockets[0].getsockname()[1]}"
        application = web.Application([(r"/.*", _Handler, {"registry": self})])
        server = HTTPServer(application, ssl_options=context)
        server.add_sockets(sockets)
        return server

    def client(self, **entry: object) -> RegistryClient:
        """A client of a site that has this registry in its configuration."""
        return RegistryClient(self.site(**entry))

    def site(self, **entry: object) -> Registries:
        """The configuration."""
        return load_registries([{"host": self.host, "plain_http": True, **entry}])

    def paths(self) -> list[str]:
        """Method and path of the requests so far, which are then forgotten."""
        paths = [f"{method} {path}" for method, path, _ in self.requests]
        self.requests.clear()
        return paths

    def put(self, repository: str, document: Document, tag: str = "", kind: str = MANIFEST) -> str:
        """Keep a manifest, also as a tag; returns its digest."""
        content = json.dumps(document).encode()
        digest = digest_of(content)
        for name in filter(None, (tag, digest)):
            self.documents[f"/v2/{repository}/manifests/{name}"] = (kind, content)
        return digest

    def image(
        self,
        repository: str = "org/app",
        tag: str = "1.2",
        arch: str = "amd64",
        config: Document | None = None,
        **manifest: object,
    ) -> str:
        """Keep an image of one platform; returns its digest."""
        content = json.dumps({"os": "linux", "architecture": arch, "config": config or {}}).encode()
        digest = digest_of(content)
        self.documents[f"/v2/{repository}/blobs/{digest}"] = (CONFIG, content)
        described = {"mediaType": CONFIG, "digest": digest, "size": len(content)}
        document = {"mediaType": MANIFEST, "config": described, "layers": [layer()], **manifest}
        self.list_tags(repository, tag)
        return self.put(repository, document, tag)

    def index(self, *archs: str, repository: str = "org/app", tag: str = "1.2") -> str:
        """Keep an image for several architectures; returns its digest."""
        entries: list[Document] = []
        for arch in archs:
            digest = self.image(repository, "", arch, {"Labels": {"arch": arch}})
            platform = {"os": "linux", "architecture": arch}
            entries.append(
                {"mediaType": MANIFEST, "digest": digest, "size": 500, "platform": platform}
            )
        unknown = {"os": "unknown", "architecture": "unknown"}
        digest = self.image(repository, "", "unknown", {"Labels": {"arch": "unknown"}})
        attestation = {"mediaType": MANIFEST, "digest": digest, "size": 5}
        entries.append({**attestation, "platform": unknown})
        self.list_tags(repository, tag)
        return self.put(repository, {"mediaType": INDEX, "manifests": entries}, tag, INDEX)

    def list_tags(self, repository: str, *tags: str) -> None:
        """Add tags to the list of a repository."""
        path = f"/v2/{repository}/tags/list"
        value = json.loads(self.documents.get(path, ("", b'{"tags": []}'))[1])["tags"]
        names = sorted({*value, *filter(None, tags)})
        content = json.dumps({"name": repository, "tags": names}).encode()
        self.documents[path] = ("application/json", content)


class _Handler(web.RequestHandler):
    registry: FakeRegistry

    def initialize(self, registry: FakeRegistry) -> None:
        self.registry = registry

    async def get(self) -> None:
        request, registry = self.request, self.registry
        authorization = request.headers.get("Authorization", "")
        registry.requests.append((str(request.method), request.path, authorization))
        for path, answer in registry.answers.items():
            if request.path.startswith(path):
                waiting = answer(self)
                if waiting is not None:
                    await waiting
                return
        self.serve()

    head = get

    def serve(self) -> None:
        """The document of this path."""
        self.set_header("Docker-Distribution-Api-Version", "registry/2.0")
        kind, content = self.registry.documents.get(self.request.path, ("", b""))
        if not kind:
            self.set_status(404)
            self.finish({"errors": [{"code": "MANIFEST_UNKNOWN"}]})
            return
        self.set_header("Content-Type", kind)
        if "/manifests/" in self.request.path:
            self.set_header("Docker-Content-Digest", digest_of(content))
        self.finish(content)


def page(handler: _Handler) -> None:
    """A web page."""
    handler.set_header("Content-Type", "text/html; charset=utf-8")
    handler.finish("<!doctype html><title>Welcome</title>")
