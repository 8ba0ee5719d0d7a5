"""The fixture of the test cluster; a conftest.py imports it: `from ... import cluster as cluster`."""

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
