"""The part of the REST API's description that is about the ends of tasks."""

from typing import Any

from rosetta_hub.web.lifetimes_api import MoreTime, StopTime
from rosetta_hub.web.rights import SEE_TASK, START_TASK, needs

_JSON = "application/json"
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_LIFETIME = {"$ref": "#/components/schemas/LifetimeView"}
_TASK = {"$ref": "#/components/schemas/TaskView"}
_REFUSED = {"description": "Refused: problem details (RFC 9457)"}


def lifetimes_schemas() -> dict[str, Any]:
    """The schemas of requests; the answer's stands with that of tasks."""
    models = (StopTime, MoreTime)
    return {model.__name__: model.model_json_schema() for model in models}


def lifetimes_paths() -> dict[str, Any]:
    """The paths of a task that are about its end."""
    body = {"content": {_JSON: {"schema": {"$ref": "#/components/schemas/StopTime"}}}}
    more = {"content": {_JSON: {"schema": {"$ref": "#/components/schemas/MoreTime"}}}}
    extended = {**_call("Give its running job more time", _TASK), "requestBody": more}
    chosen = {**_call("Choose when the task is stopped"), "requestBody": body}
    return {
        "/api/v1/tasks/{id}/lifetime": {
            "parameters": [_ID],
            "get": needs(SEE_TASK, _call("When the task ends by itself, and why")),
            "put": needs(START_TASK, chosen),
        },
        "/api/v1/tasks/{id}/keep": {
            "parameters": [_ID],
            "post": needs(START_TASK, _call("Put off the planned end")),
        },
        "/api/v1/tasks/{id}/time": {"parameters": [_ID], "post": needs(START_TASK, extended)},
    }


def _call(summary: str, schema: dict[str, Any] = _LIFETIME) -> dict[str, Any]:
    answer = {"description": summary, "content": {_JSON: {"schema": schema}}}
    return {"summary": summary, "responses": {"200": answer, "4XX": _REFUSED}}
