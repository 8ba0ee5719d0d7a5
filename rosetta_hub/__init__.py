"""Rosetta Hub: any container, on any computing resource, from JupyterHub."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rosetta_hub.hub.setup import setup

__all__ = ["setup"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import `setup` when it is asked for: it imports JupyterHub, which few programs need."""
    if name == "setup":
        return import_module("rosetta_hub.hub.setup").setup
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
