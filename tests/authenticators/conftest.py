"""A hub with two providers and local accounts; of the newest and the oldest JupyterHub."""

import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from rosetta_hub.database.database import Database
from rosetta_hub.keys import Keys
from tests.spawners.conftest import find_python
from tests.spawners.hub import Hub
from tests.spawners.stub import StubService
from tests.support.github import GitHub, serve_github
from tests.support.oidc_provider import Provider

from .hub import CONFIG, Browser, github_method, method


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    """The institute's provider, which is trusted with addresses of `example.org`."""
    result = Provider()
    yield result
    result.go_on()
    result.kill()


@pytest.fixture(scope="session")
def stranger() -> Iterator[Provider]:
    """A provider that everybody may have an account at, and that says whatever one wants."""
    result = Provider()
    yield result
    result.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def github() -> AsyncIterator[GitHub]:
    """A GitHub of which members of one organization may sign in."""
    async with serve_github() as github:
        yield github


@pytest_asyncio.fixture(params=["newest", "oldest"], scope="module", loop_scope="module")
async def hub(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    provider: Provider,
    stranger: Provider,
    github: GitHub,
) -> AsyncIterator[Hub]:
    """A running hub; tests share it, each with accounts of its own."""
    result = Hub(tmp_path_factory.mktemp("hub"), find_python(request.param), [], CONFIG)
    institute = method(
        *(result.url, provider, "institute"),
        trusts_email=True,
        email_domains=["example.org"],
        config={
            "manage_groups": True,
            "allowed_groups": ["members"],
            "admin_groups": ["admins"],
            "auth_state_groups_key": "oauth_user.groups",
        },
    )
    elsewhere = method(result.url, stranger, "elsewhere", groups=["guests"])
    methods = [institute, elsewhere, github_method(github.url)]
    result.settings |= {"grace": 900, "methods": methods}
    await result.start()
    yield result
    await result.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(hub: Hub) -> AsyncIterator[StubService]:
    """The service of that hub."""
    stub = StubService(Keys(hub.directory / "state").spawner_key, hub.service_port)
    stub.up()
    yield stub
    await stub.down()


@pytest.fixture(scope="module")
def database(hub: Hub) -> Iterator[Database]:
    """What the hub's process has written."""
    opened = Database(f"sqlite:///{hub.directory}/state/rosetta.sqlite")
    yield opened
    opened.close()


@pytest_asyncio.fixture(loop_scope="module")
async def browser(hub: Hub, service: StubService) -> AsyncIterator[Browser]:
    """A browser in which nobody is logged in."""
    result = Browser(hub)
    yield result
    await result.client.aclose()


@pytest_asyncio.fixture(loop_scope="module")
async def second(hub: Hub, service: StubService) -> AsyncIterator[Browser]:
    """Another browser."""
    result = Browser(hub)
    yield result
    await result.client.aclose()


@pytest.fixture
def name() -> str:
    """A name that nobody has."""
    return f"user{secrets.token_hex(3)}"
