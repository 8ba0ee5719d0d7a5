"""The part of the REST API's description that is about builds."""

from typing import Any

from pydantic.json_schema import models_json_schema

from rosetta_hub.builds.view import BuildView
from rosetta_hub.web.builds_api import BuildRequest
from rosetta_hub.web.rights import (
    CHANGE_OWN,
    CHANGE_OWNED,
    READ_OWN,
    READ_OWNED,
    all_need,
    needs,
)

_JSON = "application/json"
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_LINK = [
    {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    for name in ("provider", "spec")
]
_OFFSET = {"name": "offset", "in": "query", "schema": {"type": "integer", "minimum": 0}}
_BUILD = {"$ref": "#/components/schemas/BuildView"}
_SOFTWARE = {"type": "object", "required": ["id", "card", "name", "version"]}
_REFUSED = {"description": "Refused: problem details (RFC 9457)"}


def builds_schemas() -> dict[str, Any]:
    """The schemas of requests and answers."""
    _, definitions = models_json_schema(
        [(BuildView, "serialization"), (BuildRequest, "validation")],
        ref_template="#/components/schemas/{model}",
    )
    schemas: dict[str, Any] = definitions["$defs"]
    return schemas


def builds_paths() -> dict[str, Any]:
    """All paths below `/api/v1/builds` and `/api/v1/links`; they show the principal's alone."""
    listed = {"type": "object", "required": ["builds"]}
    body = {"content": {_JSON: {"schema": {"$ref": "#/components/schemas/BuildRequest"}}}}
    asked = {**_call("Ask for the image of a repository", _BUILD, "201"), "requestBody": body}
    asked["responses"]["200"] = {"description": "The image is there, or the build has failed"}
    paths = {
        "/api/v1/builds": {
            "get": needs(READ_OWN, _call("The principal's builds", listed)),
            "post": needs(CHANGE_OWN, asked),
        },
        "/api/v1/builds/{id}": {
            "parameters": [_ID],
            "get": _call("A build", _BUILD),
            "delete": needs(
                CHANGE_OWNED,
                _call("Stop waiting for it; the last who waits cancels it", _BUILD, "202"),
            ),
        },
        "/api/v1/builds/{id}/log": {
            "parameters": [_ID, _OFFSET],
            "get": _call("Its output", {"type": "string"}, kind="text/plain"),
        },
        "/api/v1/builds/{id}/software": {
            "parameters": [_ID],
            "post": needs(
                CHANGE_OWNED,
                _call("Software of the principal, of what was built", _SOFTWARE, "201"),
            ),
        },
        "/api/v1/links/{provider}/{spec}": {
            "parameters": _LINK,
            "get": needs(
                READ_OWN, _call("What a link means now; nothing is built", {"type": "object"})
            ),
        },
        "/api/v1/builds/{id}/events": {
            "parameters": [_ID],
            "get": _call("News of it", {"type": "string"}, kind="text/event-stream"),
        },
    }
    return all_need(READ_OWNED, paths)


def _call(
    summary: str, schema: dict[str, Any], status: str = "200", kind: str = _JSON
) -> dict[str, Any]:
    answer = {"description": summary, "content": {kind: {"schema": schema}}}
    return {"summary": summary, "responses": {status: answer, "4XX": _REFUSED}}
