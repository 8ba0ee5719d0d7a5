"""A client for Rosetta Hub: `Client` waits for answers, `AsyncClient` has coroutines."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from rosetta_client.version import VERSION

if TYPE_CHECKING:
    from rosetta_client.async_client import AsyncClient
    from rosetta_client.client import Client

__all__ = ["AsyncClient", "Client", "__version__"]
__version__ = VERSION

# Loaded when they are first used: a command should start at once.
_MODULES = {"AsyncClient": "rosetta_client.async_client", "Client": "rosetta_client.client"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)
