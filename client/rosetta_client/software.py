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
    image_view = client.look_up_image(image=image)
    if image_view.ports:
        entry = {"interface_port": image_view.ports[0], **entry}
    return client.add_software(
        models.SoftwareEntry(
            name=name or image_view.image_name.rpartition("/")[2],
            owner=None if group is None else models.OwnerView("group", group),
            registry=image_view.registry,
            image_name=image_view.image_name,
            image_tag=image_view.image_tag,
            digest=image_view.digest,
            **entry,
        )
    )
