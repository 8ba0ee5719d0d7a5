"""What the tests of this folder share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rosetta_hub.reconciler import pod_probes

from .bench import Bench, make_bench
from .fake_api import FakeApi


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[FakeApi]:
    """An API server in this process."""
    result = FakeApi(tmp_path)
    yield result
    await result.close()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether interfaces answer, from now on."""
    says = [True]

    async def answer(*_: object) -> bool:
        return says[0]

    monkeypatch.setattr(pod_probes, "answers", answer)
    return says


@pytest.fixture
async def bench(api: FakeApi, tmp_path: Path) -> Bench:
    """A service's parts, and a server with an empty namespace."""
    return await make_bench(api, tmp_path)
