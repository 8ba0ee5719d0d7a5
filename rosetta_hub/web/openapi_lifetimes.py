"""The part of the REST API's description that is about the ends of tasks."""

from typing import Any

from rosetta_hub.web.lifetimes_api import StopTime
from rosetta_hub.web.openapi_rights import SEE_TASK, START_TASK, needs

_JSON = "application/json"
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_LIFETIME = {"$ref": "#/components/schemas/LifetimeView"}
_REFUSED = {"description": 'Refused: {"error": a message that tells why}'}


def lifetimes_schemas() -> dict[str, Any]:
    """The schemas of requests; the answer's stands with that of tasks."""
    return {"StopTime": StopTime.model_json_schema()}


def lifetimes_paths() -> dict[str, Any]:
    """The paths of a task that are about its end."""
    body = {"content": {_JSON: {"schema": {"$ref": "#/components/schemas/StopTime"}}}}
    chosen = {**_call("Choose when the task is stopped"), "requestBody": body}
    return {
        "/api/tasks/{id}/lifetime": {
            "parameters": [_ID],
            "get": needs(SEE_TASK, _call("When the task ends by itself, and why")),
            "put": needs(START_TASK, chosen),
        },
        "/api/tasks/{id}/keep": {
            "parameters": [_ID],
            "post": needs(START_TASK, _call("Put off the planned end")),
        },
    }


def _call(summary: str) -> dict[str, Any]:
    answer = {"description": summary, "content": {_JSON: {"schema": _LIFETIME}}}
    return {"summary": summary, "responses": {"200": answer, "4XX": _REFUSED}}
