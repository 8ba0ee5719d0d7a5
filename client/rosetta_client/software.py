"""Software of the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rosetta_client import models

if TYPE_CHECKING:
    from rosetta_client.client import Client
    from rosetta_client.models import VersionView


def add_software(
    client: Client, image: str, name: str | None, group: str | None, entry: dict[str, Any]
) -> VersionView:
    """Add software of an image, which is looked up in its registry; `entry` has further keys.

    Raises:
        ApiError: the registry has no such image, or the hub refuses it.
    """
    found = client.look_up_image(image=image)
    if found.ports:
        entry = {"interface_port": found.ports[0], **entry}
    return client.add_software(
        models.SoftwareEntry(
            name=name or found.image_name.rpartition("/")[2],
            owner=None if group is None else models.OwnerView("group", group),
            registry=found.registry,
            image_name=found.image_name,
            image_tag=found.image_tag,
            digest=found.digest,
            **entry,
        )
    )
