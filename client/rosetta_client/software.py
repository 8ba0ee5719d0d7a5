"""The catalogue of the user, and software of the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rosetta_client.calls import Call

if TYPE_CHECKING:
    from rosetta_client.client import Client


def list_software(client: Client) -> list[dict[str, Any]]:
    """All cards, those of the user and of the user's groups included."""
    call: Call[Any] = Call("GET", "software", Any, repeatable=True)
    cards: list[dict[str, Any]] = client.call(call)["software"]
    return cards


def add_software(
    client: Client, image: str, name: str | None, group: str | None, entry: dict[str, Any]
) -> dict[str, Any]:
    """Add software of an image, which is looked up in its registry; `entry` has further keys.

    Raises:
        ApiError: the registry has no such image, or the hub refuses it.
    """
    look_up: Call[Any] = Call("GET", "images", Any, query={"image": image}, repeatable=True)
    found = client.call(look_up)
    body = {
        "name": name or found["image_name"].rpartition("/")[2],
        "registry": found["registry"],
        "image_name": found["image_name"],
        "image_tag": found["image_tag"],
        "digest": found["digest"],
        **entry,
    }
    if found["ports"]:
        body.setdefault("interface_port", found["ports"][0])
    if group is not None:
        body["owner"] = {"kind": "group", "name": group}
    add: Call[Any] = Call("POST", "software", Any, body=body)
    version: dict[str, Any] = client.call(add)
    return version
