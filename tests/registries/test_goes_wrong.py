"""Registries that are slow, lie, redirect, or are none: each is told, and nothing of it is used."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.iostream import StreamClosedError

from rosetta_hub.catalogue.registries import Registries
from rosetta_hub.http_requests import Timeouts
from rosetta_hub.registries import connection, lookup
from rosetta_hub.registries.challenges import parse_limit_end
from rosetta_hub.registries.client import RegistryClient
from rosetta_hub.registries.errors import RegistryRefused, RegistryUnavailable
from rosetta_hub.registries.lookup import ImageDescription, Lookup
from rosetta_hub.registries.references import Reference
from tests.support.certificates import make_certificate

from .fake_registry import INDEX, MANIFEST, Answer, FakeRegistry, _Handler, layer, page

ALICE = SimpleNamespace(account="alice", password="secret")
MANIFESTS = "/v2/org/app/manifests/"


async def describe(
    registry: FakeRegistry, client: RegistryClient | None = None
) -> ImageDescription:
    result = Lookup(client or registry.client())
    return await result.describe(Reference(registry.host, "org/app", "1.2"))


async def refusal(registry: FakeRegistry, client: RegistryClient | None = None) -> RegistryRefused:
    """Why the image is not described."""
    with pytest.raises(RegistryRefused) as error:
        await describe(registry, client)
    assert str(error.value).endswith(".")
    return error.value


def redirecting(url: str) -> Answer:
    return lambda handler: handler.redirect(url)


# --- where it leads -------------------------------------------------------------------------------


async def test_a_private_address_is_not_asked(registry: FakeRegistry) -> None:
    registry.image()
    error = await refusal(registry, RegistryClient(Registries()))
    assert error.reason == "private_address"
    assert registry.requests == []


async def test_a_network_that_is_allowed_still_needs_tls(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "TIMEOUTS", Timeouts(0.3, 1.0, 1.0))
    registry.image()
    with pytest.raises(RegistryUnavailable):
        await describe(registry, RegistryClient(Registries(), ["127.0.0.0/8"]))
    assert registry.requests == []


@pytest.fixture
async def public(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeRegistry]:
    """A registry with TLS that nobody has configured, as those of the internet."""
    certificate, key = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    registry = FakeRegistry()
    server = registry.listen(context)
    yield registry
    server.stop()
    await server.close_all_connections()


@pytest.mark.parametrize(
    "url", ["https://169.254.169.254/latest", "https://10.0.0.1/", "https://[::1]/"]
)
async def test_a_public_registry_leads_to_no_private_address(
    public: FakeRegistry, url: str
) -> None:
    """Neither by a redirect nor as the address of its tokens."""
    public.image()
    client = RegistryClient(Registries(), ["127.0.0.1/32"])
    await describe(public, client)
    public.answers[MANIFESTS] = redirecting(url)
    assert (await refusal(public, client)).reason == "private_address"
    public.answers[MANIFESTS] = refusing(401, WWW_Authenticate=f'Bearer realm="{url}"')
    assert (await refusal(public, client)).reason == "private_address"


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "ftp://127.0.0.1/", "https://a:b@127.0.0.1/"])
async def test_a_public_registry_leads_to_https_alone(public: FakeRegistry, url: str) -> None:
    public.answers[MANIFESTS] = redirecting(url)
    client = RegistryClient(Registries(), ["127.0.0.1/32"])
    assert (await refusal(public, client)).reason == "redirect"
    public.answers[MANIFESTS] = refusing(401, WWW_Authenticate=f'Bearer realm="{url}"')
    assert (await refusal(public, client)).reason == "redirect"


async def test_a_certificate_that_nobody_has_signed_is_refused(
    public: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    client = RegistryClient(Registries(), ["127.0.0.1/32"])
    error = await refusal(public, client)
    assert error.reason == "certificate"
    assert public.requests == []


@pytest.mark.parametrize(
    "url", ["ftp://example.org/x", "http://user:x@example.org/", "https://[", "file:///etc/passwd"]
)
async def test_strange_redirects_are_not_followed(registry: FakeRegistry, url: str) -> None:
    registry.image()
    registry.answers[MANIFESTS] = redirecting(url)
    assert (await refusal(registry)).reason == "redirect"


async def test_endless_redirects_end(registry: FakeRegistry) -> None:
    registry.answers[MANIFESTS] = redirecting(f"{MANIFESTS}1.2")
    assert (await refusal(registry)).reason == "redirect"
    assert len(registry.requests) == connection.MOST_REDIRECTS + 1


async def test_a_redirect_gets_no_credentials(registry: FakeRegistry) -> None:
    registry.image()

    def guarded(handler: _Handler) -> None:
        if handler.request.headers.get("Authorization", "").startswith("Basic "):
            handler.redirect(f"/store{handler.request.path}")
        else:
            handler.set_header("WWW-Authenticate", "Basic realm=x")
            handler.set_status(401)
            handler.finish()

    def store(handler: _Handler) -> None:
        handler.request.path = handler.request.path.removeprefix("/store")
        handler.serve()

    registry.answers |= {"/v2/": guarded, "/store/": store}
    await Lookup(registry.client()).describe(Reference(registry.host, "org/app", "1.2"), ALICE)
    by_name = {path.split("/")[1]: authorization for _, path, authorization in registry.requests}
    assert by_name["v2"].startswith("Basic ")
    assert by_name["store"] == ""


# --- what it sends --------------------------------------------------------------------------------


async def test_a_web_page_is_no_registry(registry: FakeRegistry) -> None:
    registry.answers["/"] = page
    assert (await refusal(registry)).reason == "not_a_registry"


async def test_a_page_that_nothing_is_there_is_no_registry(registry: FakeRegistry) -> None:
    registry.answers["/"] = lambda handler: handler.send_error(404)
    assert (await refusal(registry)).reason == "not_a_registry"


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b"<html>"])
async def test_what_is_no_manifest_is_told(registry: FakeRegistry, content: bytes) -> None:
    def answer(handler: _Handler) -> None:
        handler.set_header("Content-Type", MANIFEST)
        handler.finish(content)

    registry.answers[MANIFESTS] = answer
    assert (await refusal(registry)).reason in ("invalid_answer", "not_an_image")


async def test_wrong_content_for_a_digest_is_not_used(registry: FakeRegistry) -> None:
    digest = registry.image()
    kind, content = registry.documents[f"{MANIFESTS}{digest}"]

    def answer(handler: _Handler) -> None:
        handler.set_header("Docker-Content-Digest", digest)
        handler.set_header("Content-Type", kind)
        handler.finish(content + b" ")

    registry.answers[f"{MANIFESTS}{digest}"] = answer
    assert (await refusal(registry)).reason == "wrong_content"


async def test_a_wrong_configuration_is_not_used(registry: FakeRegistry) -> None:
    registry.image(config={"User": "root"})
    (path,) = (path for path in registry.documents if "/blobs/" in path)
    kind, content = registry.documents[path]
    registry.documents[path] = (kind, content.replace(b"root", b"evil"))
    assert (await refusal(registry)).reason == "wrong_content"
    registry.documents[path] = (kind, content + b" " * 10)
    assert "bytes" in str(await refusal(registry))


async def test_another_digest_than_asked_for_is_refused(registry: FakeRegistry) -> None:
    other = registry.image(tag="other", config={"User": "x"})
    digest = registry.image()

    def answer(handler: _Handler) -> None:
        handler.set_header("Docker-Content-Digest", other)
        handler.set_header("Content-Type", MANIFEST)
        handler.finish()

    registry.answers[MANIFESTS] = answer
    with pytest.raises(RegistryRefused) as error:
        await registry.client().digest(Reference(registry.host, "org/app", None, digest))
    assert error.value.reason == "wrong_content"


@pytest.mark.parametrize("size", [-1, 1 << 60, "10", None, 1.5, True])
async def test_sizes_that_can_not_be_are_refused(registry: FakeRegistry, size: object) -> None:
    registry.image(layers=[{**layer(), "size": size}])
    assert (await refusal(registry)).reason == "invalid_answer"


async def test_sizes_that_can_not_be_together_are_refused(registry: FakeRegistry) -> None:
    registry.image(layers=[layer(1 << 49)] * 4)
    assert (await refusal(registry)).reason == "invalid_answer"


@pytest.mark.parametrize("is_announced", [True, False])
async def test_more_than_a_description_can_have_is_not_read(
    registry: FakeRegistry, is_announced: bool
) -> None:
    async def flood(handler: _Handler) -> None:
        handler.set_header("Content-Type", MANIFEST)
        if handler.request.method == "HEAD":
            handler.finish()
            return
        if is_announced:
            handler.set_header("Content-Length", str(1 << 40))
        with contextlib.suppress(StreamClosedError):
            while True:
                handler.write(b" " * (1 << 20))
                await handler.flush()

    registry.answers[MANIFESTS] = flood
    assert (await refusal(registry)).reason == "too_large"


async def test_a_connection_that_breaks_off_is_tried_again_by_the_user(
    registry: FakeRegistry,
) -> None:
    registry.image()

    async def cut(handler: _Handler) -> None:
        handler.set_header("Content-Length", "1000")
        handler.write(b"{")
        await handler.flush()
        handler.request.connection.stream.close()  # type: ignore[union-attr]

    registry.answers[f"{MANIFESTS}sha256"] = cut
    with pytest.raises(RegistryUnavailable, match="completely"):
        await describe(registry)


async def test_foreign_layers_are_told(registry: FakeRegistry) -> None:
    kind = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    registry.image(layers=[layer(), layer(mediaType=kind, urls=["https://example.org/x"])])
    result = await describe(registry)
    assert [problem.reason for problem in result.problems] == ["foreign_layers"]


async def test_an_image_of_another_system_is_told(registry: FakeRegistry) -> None:
    digest = registry.image("org/app", "", "amd64")
    platform = {"os": "windows", "architecture": "amd64"}
    entry = {"mediaType": MANIFEST, "digest": digest, "size": 5, "platform": platform}
    registry.put("org/app", {"mediaType": INDEX, "manifests": [entry]}, "1.2", INDEX)
    result = await describe(registry)
    assert [problem.reason for problem in result.problems] == ["not_linux"]
    assert "windows" in result.problems[0].message


@pytest.mark.parametrize(
    "document",
    [
        {"mediaType": MANIFEST, "layers": [], "config": {"mediaType": "application/x.helm"}},
        {"mediaType": "application/vnd.docker.distribution.manifest.v1+prettyjws"},
        {"mediaType": MANIFEST},
        {"mediaType": INDEX, "manifests": []},
        {"mediaType": INDEX, "manifests": {}},
        {"mediaType": INDEX, "manifests": [{"digest": "sha256:x", "size": 1}]},
        {"mediaType": INDEX, "manifests": [{}] * 100},
    ],
)
async def test_what_is_no_image_is_told(registry: FakeRegistry, document: dict[str, Any]) -> None:
    if "config" in document:
        document = document | {
            "config": layer(mediaType="application/vnd.cncf.helm.config.v1+json")
        }
    registry.put("org/app", document, "1.2", document["mediaType"])
    assert (await refusal(registry)).reason in ("not_an_image", "invalid_answer")


# --- how long it takes ----------------------------------------------------------------------------


async def test_a_silent_registry_does_not_answer(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "TIMEOUTS", Timeouts(1.0, 0.2, 0.2))
    go_on = asyncio.Event()

    async def silent(_handler: _Handler) -> None:
        await go_on.wait()

    registry.answers["/"] = silent
    with pytest.raises(RegistryUnavailable, match="does not answer"):
        await describe(registry)
    go_on.set()


async def test_a_registry_that_sends_byte_by_byte_is_too_slow(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "REQUEST_TIMEOUT", 0.3)
    registry.image()

    async def slow(handler: _Handler) -> None:
        if handler.request.method == "HEAD":
            handler.serve()
            return
        with contextlib.suppress(StreamClosedError):
            while True:
                handler.write(b" ")
                await handler.flush()
                await asyncio.sleep(0.01)

    registry.answers[MANIFESTS] = slow
    with pytest.raises(RegistryUnavailable, match="does not answer"):
        await describe(registry)


async def test_a_whole_lookup_has_a_deadline(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "DEADLINE", 0.2)
    go_on = asyncio.Event()

    async def silent(_handler: _Handler) -> None:
        await go_on.wait()

    registry.answers["/"] = silent
    with pytest.raises(RegistryUnavailable, match="too slow"):
        await describe(registry)
    go_on.set()


# --- who may --------------------------------------------------------------------------------------


def refusing(status: int, **headers: str) -> Answer:
    def refuse(handler: _Handler) -> None:
        handler.set_status(status)
        for name, value in headers.items():
            handler.set_header(name.replace("_", "-"), value)
        handler.finish({"errors": [{"code": "DENIED", "message": "<b>no</b>"}]})

    return refuse


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refusing(401, WWW_Authenticate='Basic realm="x"'), "login_needed"),
        (refusing(401), "login_needed"),
        (refusing(403), "denied"),
        (refusing(404), "not_found"),
        (refusing(429), "pull_limit"),
        (refusing(418), "invalid_answer"),
    ],
)
async def test_refusals_say_why(registry: FakeRegistry, answer: Answer, reason: str) -> None:
    registry.answers["/"] = answer
    error = await refusal(registry)
    assert error.reason == reason
    # What a registry writes is not shown.
    assert "<b>" not in str(error)


async def test_a_faulty_registry_is_asked_again_later(registry: FakeRegistry) -> None:
    registry.answers["/"] = refusing(502)
    with pytest.raises(RegistryUnavailable, match="502"):
        await describe(registry)


async def test_a_limit_of_pulls_tells_until_when(registry: FakeRegistry) -> None:
    registry.answers["/"] = refusing(429, Retry_After="7200")
    error = await refusal(registry)
    assert error.until is not None
    until = error.until - datetime.now(UTC)
    assert timedelta(minutes=119) < until <= timedelta(hours=2)
    assert f"until {error.until:%d %B %H:%M} UTC" in str(error)


NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "until"),
    [
        ({"Retry-After": "60"}, NOW + timedelta(minutes=1)),
        ({"Retry-After": "Fri, 27 Nov 2026 13:00:00 GMT"}, NOW + timedelta(hours=1)),
        ({"X-RateLimit-Reset": str(int(NOW.timestamp()) + 30)}, NOW + timedelta(seconds=30)),
        ({"Retry-After": "soon", "X-Retry-After": "5"}, NOW + timedelta(seconds=5)),
        ({"Retry-After": "9" * 30}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "Fri, 27 Nov 2020 13:00:00 GMT"}, None),
        ({"X-RateLimit-Reset": "99999999999"}, None),
        ({}, None),
    ],
)
def test_ends_of_limits(headers: dict[str, str], until: datetime | None) -> None:
    assert parse_limit_end(headers, NOW) == until


async def test_tokens_are_fetched_once(registry: FakeRegistry) -> None:
    registry.image()
    realm = f"http://{registry.host}/token"

    def guarded(handler: _Handler) -> None:
        if handler.request.headers.get("Authorization") == "Bearer t0ken":
            handler.serve()
            return
        handler.set_header("WWW-Authenticate", f'Bearer realm="{realm}",service="here"')
        handler.set_status(401)
        handler.finish()

    def token(handler: _Handler) -> None:
        assert handler.get_query_argument("scope") == "repository:org/app:pull"
        assert handler.get_query_argument("service") == "here"
        handler.finish({"token": "t0ken", "expires_in": 300})

    registry.answers |= {"/v2/": guarded, "/token": token}
    result = Lookup(registry.client())
    await result.describe(Reference(registry.host, "org/app", "1.2"))
    paths = registry.paths()
    assert paths[:3] == [f"HEAD {MANIFESTS}1.2", "GET /token", f"HEAD {MANIFESTS}1.2"]
    assert paths.count("GET /token") == 1
    await result.describe(Reference(registry.host, "org/app", "1.2"))
    assert registry.paths() == [f"HEAD {MANIFESTS}1.2"]


@pytest.mark.parametrize("token", ["", "a b", "x\r\nEvil: 1", 7, None])
async def test_a_token_that_is_none_is_not_sent(registry: FakeRegistry, token: object) -> None:
    challenge = f'Bearer realm="http://{registry.host}/token"'
    registry.answers["/v2/"] = refusing(401, WWW_Authenticate=challenge)
    registry.answers["/token"] = lambda handler: handler.finish(json.dumps({"token": token}))
    assert (await refusal(registry)).reason == "invalid_answer"


async def test_passwords_are_told_nobody(
    registry: FakeRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    registry.answers["/v2/"] = refusing(401, WWW_Authenticate="Basic realm=x")
    client = registry.client()
    with pytest.raises(RegistryRefused) as error:
        await client.digest(Reference(registry.host, "org/app", "1.2"), ALICE)
    assert error.value.reason == "denied"
    text = f"{error.value!r} {client!r} {vars(client)['_connection']!r} {caplog.text}"
    assert ALICE.password not in text
    assert "YWxpY2U6" not in text
