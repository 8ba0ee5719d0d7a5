"""The part of the REST API's description that is about copies."""

from typing import Any

from rosetta_hub.copies.view import CopyView
from rosetta_hub.web.rights import ENTER_OWN, ENTER_OWNED, all_need, needs

_JSON = "application/json"
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_COPY = {"$ref": "#/components/schemas/CopyView"}
_REFUSED = {"description": "Refused: problem details (RFC 9457)"}

_REQUEST = {
    "type": "object",
    "required": ["from", "to"],
    "properties": {
        "from": {
            "type": "object",
            "required": ["storage", "paths"],
            "properties": {
                "storage": {"type": "string"},
                "paths": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            },
        },
        "to": {
            "type": "object",
            "required": ["storage", "path"],
            "properties": {
                "storage": {"type": "string"},
                "path": {"type": "string", "description": "A folder"},
            },
        },
        "conflict": {
            "enum": ["skip", "overwrite", "rename", None],
            "description": "What happens to names that are taken; null: 409 names them",
        },
    },
}


def copies_schemas() -> dict[str, Any]:
    """The schemas of requests and answers."""
    schema = CopyView.model_json_schema(
        mode="serialization", ref_template="#/components/schemas/{model}"
    )
    return {**schema.pop("$defs", {}), "CopyView": schema, "CopyRequest": _REQUEST}


def copies_paths() -> dict[str, Any]:
    """All paths below `/api/v1/copies`."""
    listed = {"type": "object", "required": ["copies"]}
    body = {"content": {_JSON: {"schema": {"$ref": "#/components/schemas/CopyRequest"}}}}
    begun = {**_call("Begin a copy between storages", _COPY, "201"), "requestBody": body}
    begun["responses"]["409"] = {"description": 'Names are taken: {"conflicts": [paths], "total"}'}
    paths = {
        "/api/v1/copies": {"get": _call("The principal's copies", listed), "post": begun},
        "/api/v1/copies/{id}": {
            "parameters": [_ID],
            "get": needs(ENTER_OWNED, _call("A copy", _COPY)),
            "delete": needs(
                ENTER_OWNED, _call("Cancel it, or forget it when it has ended", _COPY, "202")
            ),
        },
        "/api/v1/copies/events": {
            "get": _call("News of copies", {"type": "string"}, kind="text/event-stream")
        },
    }
    return all_need(ENTER_OWN, paths)


def _call(
    summary: str, schema: dict[str, Any], status: str = "200", kind: str = _JSON
) -> dict[str, Any]:
    answer = {"description": summary, "content": {kind: {"schema": schema}}}
    return {"summary": summary, "responses": {status: answer, "4XX": _REFUSED}}
