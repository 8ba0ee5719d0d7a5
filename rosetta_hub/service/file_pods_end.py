"""The end of the pods through which files are reached, with the end of the service."""

import asyncio
import logging
from collections.abc import Mapping

from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.kubernetes.client import ApiRefused
from rosetta_hub.resources.kubernetes.file_pods import FilePods

log = logging.getLogger(__name__)

# Seconds that all clusters together get: the hub waits ten for its services.
TIMEOUT = 5.0


async def remove_file_pods(file_pods: Mapping[str, FilePods], timeout: float = TIMEOUT) -> None:
    """Have the clusters remove them; where one does not answer in time, they end by themselves."""
    await asyncio.gather(*(_remove(name, pods, timeout) for name, pods in file_pods.items()))


async def _remove(name: str, pods: FilePods, timeout: float) -> None:
    try:
        async with asyncio.timeout(timeout):
            await pods.remove_all()
    except (ApiRefused, ResourceUnavailable, TimeoutError) as error:
        why = str(error) or f"the cluster has not answered within {timeout:g} s"
        log.warning("%s: its pods of files are not removed: %s", name, why)
