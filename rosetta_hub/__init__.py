"""Rosetta Hub: any container, on any computing resource, from JupyterHub."""

__version__ = "0.1.0"
