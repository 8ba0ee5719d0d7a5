"""The test cluster as a fixture, which a conftest.py imports by its name."""

from collections.abc import Iterator

import pytest

from .cluster import Cluster, started_cluster

# Each conftest.py that imports the fixture has one of its own; the cluster is one.
SHARED = pytest.StashKey[Cluster]()


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """One cluster for all tests of a run, removed at its end.

    ROSETTA_TEST_CLUSTER=NAME takes one that runs, and leaves it as the tests do.
    """
    stash = request.config.stash
    if SHARED in stash:
        yield stash[SHARED]
        return
    with started_cluster() as cluster:
        stash[SHARED] = cluster
        yield cluster
