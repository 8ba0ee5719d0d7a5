"""Rosetta Hub: any container, on any computing resource, from JupyterHub."""

from rosetta_hub.hub.setup import setup

__all__ = ["setup"]
__version__ = "0.1.0"
