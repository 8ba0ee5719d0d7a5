"""What a look-up tells, and how much it asks for."""

import json
from types import SimpleNamespace

import pytest

from rosetta_hub.registries.client import RegistryClient
from rosetta_hub.registries.errors import RegistryRefused
from rosetta_hub.registries.lookup import ImageDescription, Lookup
from rosetta_hub.registries.references import Reference

from .fake_registry import FakeRegistry, _Handler, digest_of, layer


def reference(registry: FakeRegistry, tag: str = "1.2", repository: str = "org/app") -> Reference:
    return Reference(registry.host, repository, tag)


async def describe(registry: FakeRegistry) -> ImageDescription:
    return await Lookup(registry.client()).describe(reference(registry))


async def test_an_image_is_described_as_its_registry_does(registry: FakeRegistry) -> None:
    config = {
        "ExposedPorts": {"8888/tcp": {}, "53/udp": {}, "22": {}, "0/tcp": {}, "x": {}},
        "Labels": {"org.opencontainers.image.title": "A\x07pp", "number": 3},
        "User": "1000:100",
        "Entrypoint": ["tini", "--"],
        "Cmd": ["start.sh"],
    }
    digest = registry.image(config=config, layers=[layer(1000), layer(500)])
    registry.list_tags("org/app", "1.1", "latest")
    result = await describe(registry)
    size = 1500 + len(json.dumps({"os": "linux", "architecture": "amd64", "config": config}))
    assert result.digest == digest
    assert result.tags == ("1.1", "1.2", "latest")
    assert [(arch.os, arch.arch, arch.digest) for arch in result.archs] == [
        ("linux", "amd64", digest)
    ]
    assert result.size == result.archs[0].size == size
    assert result.ports == (22, 8888)
    assert result.labels == {"org.opencontainers.image.title": "A\N{REPLACEMENT CHARACTER}pp"}
    assert result.user == "1000:100"
    assert (result.entrypoint, result.command) == (("tini", "--"), ("start.sh",))
    assert result.problems == ()


async def test_an_index_tells_its_architectures_without_attestations(
    registry: FakeRegistry,
) -> None:
    digest = registry.index("arm64", "amd64")
    result = await describe(registry)
    assert result.digest == digest
    assert [arch.arch for arch in result.archs] == ["arm64", "amd64"]
    assert len({arch.digest for arch in result.archs}) == 2
    # Of the architecture that most resources have.
    assert result.labels == {"arch": "amd64"}


async def test_what_a_mirror_has_not_copied_is_left_out(registry: FakeRegistry) -> None:
    registry.index("arm64", "amd64")
    arm64 = registry.image("org/app", "", "arm64", {"Labels": {"arch": "arm64"}})
    del registry.documents[f"/v2/org/app/manifests/{arm64}"]
    result = await describe(registry)
    assert [arch.arch for arch in result.archs] == ["amd64"]


async def test_a_known_image_costs_one_request(registry: FakeRegistry) -> None:
    registry.index("arm64", "amd64")
    lookup = Lookup(registry.client())
    first = await lookup.describe(reference(registry))
    registry.paths()
    second = await lookup.describe(reference(registry))
    assert registry.paths() == ["HEAD /v2/org/app/manifests/1.2"]
    assert second == first


async def test_a_tag_that_moved_is_read_anew(registry: FakeRegistry) -> None:
    registry.image()
    lookup = Lookup(registry.client())
    first = await lookup.describe(reference(registry))
    moved = registry.image(config={"User": "new"})
    second = await lookup.describe(reference(registry))
    assert second.digest == moved != first.digest
    assert second.user == "new"


async def test_the_cache_shows_nothing_that_the_registry_does_not(registry: FakeRegistry) -> None:
    registry.image()
    lookup = Lookup(registry.client())

    def guarded(handler: _Handler) -> None:
        if handler.request.headers.get("Authorization") == "Basic YWxpY2U6c2VjcmV0":
            handler.serve()
        else:
            handler.set_header("WWW-Authenticate", 'Basic realm="here"')
            handler.set_status(401)
            handler.finish()

    registry.answers["/v2/"] = guarded
    alice = SimpleNamespace(account="alice", password="secret")
    await lookup.describe(reference(registry), alice)
    registry.paths()
    await lookup.describe(reference(registry), alice)
    assert registry.paths() == ["HEAD /v2/org/app/manifests/1.2"]
    with pytest.raises(RegistryRefused) as error:
        await lookup.describe(reference(registry))
    assert error.value.reason == "login_needed"


async def test_without_the_digests_header_the_content_is_hashed(registry: FakeRegistry) -> None:
    digest = registry.image()
    _kind, content = registry.documents["/v2/org/app/manifests/1.2"]

    def bare(handler: _Handler) -> None:
        handler.set_header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
        handler.finish(content)

    registry.answers["/v2/org/app/manifests/"] = bare
    assert digest == digest_of(content)
    assert await registry.client().digest(reference(registry)) == digest


async def test_tags_are_read_page_by_page(registry: FakeRegistry) -> None:
    registry.image()

    def paged(handler: _Handler) -> None:
        last = handler.get_query_argument("last", "")
        following = {"": ("a", "b"), "b": ("c", "d")}
        if last in following:
            handler.set_header(
                "Link", f'</v2/org/app/tags/list?last={following[last][1]}&n=1000>; rel="next"'
            )
        tags = list(following.get(last, ("e", "not a tag", "--option")))
        handler.finish({"name": "org/app", "tags": tags})

    registry.answers["/v2/org/app/tags/list"] = paged
    assert (await describe(registry)).tags == ("a", "b", "c", "d", "e")


async def test_a_list_of_tags_without_an_end_is_cut(registry: FakeRegistry) -> None:
    registry.image()

    def endless(handler: _Handler) -> None:
        handler.set_header("Link", '</v2/org/app/tags/list?last=x&n=1000>; rel="next"')
        handler.finish({"tags": [f"v{number}" for number in range(1000)]})

    registry.answers["/v2/org/app/tags/list"] = endless
    result = await describe(registry)
    assert len(result.tags) == 5000
    assert [problem.reason for problem in result.problems] == ["many_tags"]


async def test_an_image_whose_tags_are_not_listed_is_described_all_the_same(
    registry: FakeRegistry,
) -> None:
    registry.image()
    registry.answers["/v2/org/app/tags/list"] = lambda handler: handler.send_error(403)
    result = await describe(registry)
    assert result.tags == ()
    assert [problem.reason for problem in result.problems] == ["no_tags"]


async def test_an_image_exists_or_not(registry: FakeRegistry) -> None:
    digest = registry.image()
    client: RegistryClient = registry.client()
    assert await client.exists(reference(registry))
    assert await client.exists(reference(registry).at(digest))
    assert not await client.exists(reference(registry, "none"))
