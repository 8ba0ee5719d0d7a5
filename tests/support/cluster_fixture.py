"""The test cluster as a fixture, which a conftest.py imports by its name."""

from collections.abc import Iterator

import pytest

from .cluster import Cluster, started_cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One cluster for all tests of a run, removed at its end.

    ROSETTA_TEST_CLUSTER=NAME takes one that runs, and leaves it as the tests do.
    """
    with started_cluster() as found:
        yield found
