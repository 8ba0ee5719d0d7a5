"""The part of the REST API's description that is about software."""

from typing import Any

from pydantic.json_schema import models_json_schema

from rosetta_hub.software.view import VersionView
from rosetta_hub.web.updates_api import UpdateView

_JSON = "application/json"
_REF = "#/components/schemas/{model}"
_VERSION = {"$ref": _REF.format(model="VersionView")}
_REFUSED = {"description": 'Refused: {"error": a message that tells why}'}
_CHANGED = {"description": 'Another revision: {"error": a message, "version": as it is now}'}
_TAG = {"name": "version", "in": "query", "schema": {"type": "string"}}
_IF_MATCH = {"name": "If-Match", "in": "header", "required": True, "schema": {"type": "string"}}


def software_schemas() -> dict[str, Any]:
    """The schemas of answers."""
    _, definitions = models_json_schema(
        [(VersionView, "serialization"), (UpdateView, "serialization")], ref_template=_REF
    )
    schemas: dict[str, Any] = definitions["$defs"]
    return schemas


def software_paths() -> dict[str, Any]:
    """All paths below `/api/software`; software of others does not exist for the principal."""
    return {
        "/api/software": {
            "get": _call("The catalogue, favourites first", _list_of("software", {})),
            "post": _call("Add software; scope servers", _VERSION, "201"),
        },
        "/api/software/versions/{id}": _version_paths(),
        "/api/software/versions/{id}/duplicate": {
            "parameters": [_path("id")],
            "post": _call("Copy it to a card of one's own; scope servers", _VERSION, "201"),
        },
        **_card_paths(),
    }


def _version_paths() -> dict[str, Any]:
    replaced = _call("Replace its entry; scope servers", _VERSION)
    deleted = _call("Delete it; tasks that run go on; scope servers", {})
    for call in (replaced, deleted):
        call["parameters"] = [_IF_MATCH]
        call["responses"]["412"] = _CHANGED
    return {
        "parameters": [_path("id")],
        "get": _call("A version of users' software; scope read:servers", _VERSION),
        "put": replaced,
        "delete": deleted,
    }


def _card_paths() -> dict[str, Any]:
    card, path = [_path("card")], "/api/software/{card}"
    update = {"$ref": _REF.format(model="UpdateView")}
    picture = {"type": "string", "format": "binary"}
    return {
        path: {"parameters": card, "delete": _call("Delete all versions; scope servers", {})},
        f"{path}/duplicate": {
            "parameters": [*card, _TAG],
            "post": _call("Copy a version of any card; scope servers", _VERSION, "201"),
        },
        f"{path}/updates": {
            "parameters": card,
            "get": _call("Which tags have moved; scope read:servers", _list_of("updates", update)),
        },
        f"{path}/favourite": {
            "parameters": card,
            "put": _call("Mark it as a favourite; scope servers", {}),
            "delete": _call("Take the mark away; scope servers", {}),
        },
        f"{path}/logo": {
            "parameters": card,
            "get": _call("Its picture", picture, kind="image/*"),
            "put": _call("Give it a picture; scope servers", {}),
            "delete": _call("Remove the picture; scope servers", {}),
        },
    }


def _path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _list_of(key: str, items: dict[str, Any]) -> dict[str, Any]:
    array = {"type": "array", "items": items or {"type": "object"}}
    return {"type": "object", "required": [key], "properties": {key: array}}


def _call(
    summary: str, schema: dict[str, Any], status: str = "200", kind: str = _JSON
) -> dict[str, Any]:
    answer = {"description": summary, "content": {kind: {"schema": schema}}}
    return {"summary": summary, "responses": {status: answer, "4XX": _REFUSED}}
