"""The part of the REST API's description that is about software."""

from typing import Any

from pydantic import BaseModel

from rosetta_hub.catalogue.software import Software
from rosetta_hub.software.rules import USER_KEYS
from rosetta_hub.software.view import VersionView
from rosetta_hub.web.rights import (
    CHANGE_OF_GROUP,
    CHANGE_OWN,
    LOGGED_IN,
    READ_OF_GROUP,
    all_need,
    needs,
)
from rosetta_hub.web.software_api import NewVersion

_JSON = "application/json"
_REF = "#/components/schemas/{model}"
_CARD = {"name": "card", "in": "path", "required": True, "schema": {"type": "string"}}
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_TAG = {"name": "version", "in": "query", "required": False, "schema": {"type": "string"}}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "schema": {"type": "string"},
    "description": "The ETag that came with the version",
}
_VERSION = {"$ref": _REF.format(model="VersionView")}
_ENTRY = {"$ref": _REF.format(model="SoftwareEntry")}
_OWNER = {"$ref": _REF.format(model="NewVersion")}
_CHANGED = {"description": 'Changed meanwhile: problem details with "version": the present version'}
_PICTURE = {"type": "string", "format": "binary"}
_PICTURES = ("image/png", "image/jpeg", "image/webp", "image/svg+xml")


def software_schemas() -> dict[str, Any]:
    """The schemas of requests and answers."""
    models = _schemas(VersionView, NewVersion, Software)
    software, new = models.pop("Software"), models["NewVersion"]
    keys = {key: software["properties"][key] for key in USER_KEYS}
    entry = {**software, "properties": {**keys, **new["properties"]}, "required": ["name"]}
    return {**models, "SoftwareEntry": {**entry, "description": _ENTRY_HELP}}


_ENTRY_HELP = (
    "Keys of c.Rosetta.software that users may set, whose the software is, and the digest that the"
    " tag had when it was looked up"
)


def software_paths() -> dict[str, Any]:
    """All paths below `/api/v1/software`."""
    listed = {"type": "object", "required": ["software"]}
    paths = {
        "/api/v1/software": {
            "get": needs(
                LOGGED_IN,
                _call("The catalogue: the platform's, one's own, one's groups'", listed),
            ),
            "post": needs(CHANGE_OWN, _call("Add software", _VERSION, "201", body=_ENTRY)),
        },
        "/api/v1/software/versions/{id}": {
            "parameters": [_ID],
            "get": needs(READ_OF_GROUP, _call("A version, with its ETag", _VERSION)),
            "put": _edit("Replace its entry", _VERSION, body=_ENTRY),
            "delete": _edit("Delete it", {}),
        },
        "/api/v1/software/versions/{id}/duplicate": {
            "parameters": [_ID],
            "post": _call("Copy it to a card of its own", _VERSION, "201", body=_OWNER),
        },
        **_card_paths(),
    }
    return all_need(CHANGE_OF_GROUP, paths)


def _card_paths() -> dict[str, Any]:
    duplicate = _call(
        "Copy a version (a tag; the default one) of any card; `dropped` names keys of the"
        " administrator's that the copy has not",
        _VERSION,
        "201",
        body=_OWNER,
    )
    shown = needs(READ_OF_GROUP, _call("The logo", {}))
    shown["responses"]["200"]["content"] = {kind: {"schema": _PICTURE} for kind in _PICTURES}
    kept = _call("Set the logo", {})
    kept["requestBody"] = {"content": {kind: {"schema": _PICTURE} for kind in _PICTURES}}
    return {
        "/api/v1/software/{card}": {
            "parameters": [_CARD],
            "delete": _call("Delete all its versions", {}),
        },
        "/api/v1/software/{card}/duplicate": {"parameters": [_CARD, _TAG], "post": duplicate},
        "/api/v1/software/{card}/logo": {
            "parameters": [_CARD],
            "get": shown,
            "put": kept,
            "delete": _call("Remove the logo", {}),
        },
    }


def _edit(
    summary: str, schema: dict[str, Any], body: dict[str, Any] | None = None
) -> dict[str, Any]:
    call = _call(summary, schema, body=body)
    call["parameters"] = [_IF_MATCH]
    call["responses"] |= {"412": _CHANGED, "428": {"description": "There is no If-Match"}}
    return call


def _call(
    summary: str, schema: dict[str, Any], status: str = "200", body: dict[str, Any] | None = None
) -> dict[str, Any]:
    answer = {"description": summary, "content": {_JSON: {"schema": schema}}}
    refused = {"description": "Refused: problem details (RFC 9457)"}
    call: dict[str, Any] = {"summary": summary, "responses": {status: answer, "4XX": refused}}
    if body:
        call["requestBody"] = {"content": {_JSON: {"schema": body}}}
    return call


def _schemas(*models: type[BaseModel]) -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    for model in models:
        schema = model.model_json_schema(ref_template=_REF)
        schemas |= {**schema.pop("$defs", {}), model.__name__: schema}
    return schemas
