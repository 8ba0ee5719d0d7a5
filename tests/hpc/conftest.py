"""One hub in front of one cluster, for all tests of this folder."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.e2e.deployment import User
from tests.e2e.repositories import open_folder, serve_git
from tests.support.cluster import Cluster
from tests.support.cluster_fixture import cluster as cluster
from tests.support.git_server import GitServer

from . import storages
from .builds import builds_configuration
from .hub import Hub, make_deployment
from .private_images import PrivateImages, serve_private_images
from .steps import check_nothing_left


@pytest.fixture(scope="package")
def private_images(cluster: Cluster) -> Iterator[PrivateImages]:
    """A registry that wants an account; its certificate is known to the hub alone."""
    with serve_private_images(cluster) as images:
        yield images


@pytest.fixture(scope="package")
def repositories() -> Iterator[GitServer]:
    """Where links to repositories lead."""
    with open_folder() as folder, serve_git(folder) as server:
        yield server


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def hub(
    cluster: Cluster,
    private_images: PrivateImages,
    repositories: GitServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Hub]:
    """A running hub; what a test starts in it, it stops."""
    directory = tmp_path_factory.mktemp("hub")
    extra = private_images.configuration + builds_configuration(repositories, private_images)
    deployment = make_deployment(directory, cluster, extra)
    try:
        await deployment.start()
        yield Hub(deployment, cluster)
    finally:
        await deployment.stop()
    await asyncio.to_thread(shutil.rmtree, directory)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def storages_hub(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Hub]:
    """Another hub, whose users have storages."""
    directory = tmp_path_factory.mktemp("storages")
    await asyncio.to_thread(storages.prepare, directory, cluster)
    deployment = storages.make_deployment(directory, cluster)
    try:
        await deployment.start()
        yield Hub(deployment, cluster)
    finally:
        await deployment.stop()
    await asyncio.to_thread(shutil.rmtree, directory)


@pytest.fixture
async def alice(hub: Hub) -> AsyncIterator[User]:
    """A user whose keys are installed everywhere; her tasks are gone after the test."""
    user = await hub.member("alice", "cluster", "dialling", "homes", "host", "direct")
    yield user
    await user.clean()


@pytest.fixture
async def bob(hub: Hub) -> AsyncIterator[User]:
    """Another user of the cluster."""
    user = await hub.member("bob", "cluster")
    yield user
    await user.clean()


@pytest.fixture
async def leaves_nothing(hub: Hub) -> AsyncIterator[None]:
    """After the test, and after its users have gone, nothing of its tasks is on the nodes."""
    yield
    await check_nothing_left(hub)
