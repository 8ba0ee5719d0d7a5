"""Look-ups in the registry of this machine, with TLS, and with both kinds of logins."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rosetta_hub.catalogue.registries import load_registries
from rosetta_hub.registries.client import RegistryClient
from rosetta_hub.registries.errors import RegistryRefused
from rosetta_hub.registries.lookup import Lookup
from rosetta_hub.registries.references import Reference, parse_reference

from .real import REPOSITORY, Login, RealRegistry, basic_registry, token_registry

pytestmark = pytest.mark.system


@pytest.fixture(params=[basic_registry, token_registry], ids=["basic", "token"])
async def registry(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RealRegistry]:
    with request.param(tmp_path) as registry:
        yield registry


def app(registry: RealRegistry, tag: str = "1.2") -> Reference:
    return parse_reference(f"{registry.host}/{REPOSITORY}:{tag}")


async def refused(registry: RealRegistry, tag: str, login: Login | None) -> str:
    with pytest.raises(RegistryRefused) as error:
        await registry.client().digest(app(registry, tag), login)
    if login is not None:
        assert login.password not in str(error.value)
    return error.value.reason


async def test_a_private_image_is_described_to_who_may_see_it(registry: RealRegistry) -> None:
    digest = registry.push("1.2", "arm64", "amd64")
    registry.push("1.1", "amd64")
    lookup = Lookup(registry.client())
    result = await lookup.describe(app(registry), registry.login)
    assert result.digest == digest
    assert [arch.arch for arch in result.archs] == ["arm64", "amd64"]
    assert (result.tags, result.ports, result.user) == (("1.1", "1.2"), (8888,), "1000")
    assert result.labels == {"arch": "amd64"}
    assert result.problems == ()
    # What is known is not shown to who may not see it.
    with pytest.raises(RegistryRefused) as error:
        await lookup.describe(app(registry))
    assert error.value.reason == "login_needed"
    pinned = await lookup.describe(app(registry).at(result.archs[0].digest), registry.login)
    assert [arch.arch for arch in pinned.archs] == ["arm64"]


async def test_who_may_not_see_it_is_told(registry: RealRegistry) -> None:
    registry.push("1.2", "amd64")
    assert await refused(registry, "1.2", None) == "login_needed"
    wrong = Login(registry.login.account, "no-password-at-all")
    assert await refused(registry, "1.2", wrong) in ("login_refused", "denied")
    assert await refused(registry, "none", registry.login) == "not_found"


async def test_a_login_is_tried(registry: RealRegistry) -> None:
    client = registry.client()
    await client.check_login(registry.host, registry.login)
    with pytest.raises(RegistryRefused):
        await client.check_login(registry.host, Login(registry.login.account, "wrong"))


async def test_its_certificate_has_to_be_known(registry: RealRegistry) -> None:
    client = RegistryClient(load_registries([{"host": registry.host}]))
    with pytest.raises(RegistryRefused) as error:
        await client.digest(app(registry), registry.login)
    assert error.value.reason == "certificate"
