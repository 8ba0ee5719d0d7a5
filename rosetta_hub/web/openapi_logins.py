"""The part of the REST API's description that is about logins."""

from typing import Any

from rosetta_hub.web.logins_api import LoginView
from rosetta_hub.web.rights import CHANGE_OWNED, READ_OWN, needs

_JSON = "application/json"
_REF = {"$ref": "#/components/schemas/LoginView"}
_REFUSED = {"description": "Refused: problem details (RFC 9457)"}
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
_USER = {"name": "user", "in": "path", "required": True, "schema": {"type": "string"}}
_LIST = {
    "type": "object",
    "required": ["logins", "merged", "add_url"],
    "properties": {
        "logins": {"type": "array", "items": _REF},
        "merged": {"type": "array", "items": {"type": "string"}},
        "add_url": {"type": "string"},
    },
}


def logins_schemas() -> dict[str, Any]:
    """The schemas of answers."""
    return {"LoginView": LoginView.model_json_schema()}


def logins_paths() -> dict[str, Any]:
    """All paths below `/api/v1/account/logins` and `/api/v1/account/merged`."""
    return {
        "/api/v1/account/logins": {
            "get": needs(READ_OWN, _call("The caller's logins, and merged users", _LIST))
        },
        "/api/v1/account/logins/{id}": {
            "parameters": [_ID],
            "post": needs(CHANGE_OWNED, _call("Put a removed login in force again", _REF)),
            "delete": needs(CHANGE_OWNED, _call("Remove a login, but the last one")),
        },
        "/api/v1/account/merged/{user}": {
            "parameters": [_USER],
            "delete": needs(CHANGE_OWNED, _call("Separate a user who was merged")),
        },
    }


def _call(summary: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": summary}
    if schema is not None:
        answer["content"] = {_JSON: {"schema": schema}}
    status = "204" if schema is None else "200"
    return {"summary": summary, "responses": {status: answer, "4XX": _REFUSED}}
