"""A registry that a test fills."""

from collections.abc import AsyncIterator

import pytest

from .fake_registry import FakeRegistry


@pytest.fixture
async def registry() -> AsyncIterator[FakeRegistry]:
    """An empty registry on a loopback port."""
    registry = FakeRegistry()
    server = registry.listen()
    yield registry
    server.stop()
    await server.close_all_connections()
