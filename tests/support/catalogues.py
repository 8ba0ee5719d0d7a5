"""Entries of a catalogue that tests of the service share."""

from typing import Any

LOCAL: dict[str, Any] = {
    "id": "local",
    "name": "This machine",
    "container_engines": ["docker"],
}
CLUSTER: dict[str, Any] = {
    "id": "cluster",
    "name": "The cluster",
    "access_mode": "ssh",
    "wms": "slurm",
    "container_engines": ["singularity"],
    "conf": {"host": "login.example.org"},
}
