"""The part of the REST API's description that is about sharing."""

from typing import Any

from pydantic import BaseModel

from rosetta_hub.sharing.view import SharesView, ShareView
from rosetta_hub.web.rights import LOGGED_IN, SHARE_TASK, all_need, needs
from rosetta_hub.web.sharing_api import NewShare, VisitorsView

_JSON = "application/json"
_REF = "#/components/schemas/{model}"
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_SHARE = {**_ID, "name": "share", "example": "0123456789ab"}
_REFUSED = {"description": "Refused: problem details (RFC 9457)"}
_MODELS: tuple[type[BaseModel], ...] = (SharesView, ShareView, NewShare, VisitorsView)


def sharing_schemas() -> dict[str, Any]:
    """The schemas of requests and answers."""
    schemas: dict[str, Any] = {}
    for model in _MODELS:
        schema = model.model_json_schema(ref_template=_REF)
        schemas |= {**schema.pop("$defs", {}), model.__name__: schema}
    return schemas


def sharing_paths() -> dict[str, Any]:
    """Shares of a task, who is inside, and what is shared with the principal."""
    body = {"content": {_JSON: {"schema": _model(NewShare)}}}
    shared = {"type": "object", "required": ["shared"]}
    made = "Share the task, or make a link that does; only owners and admins, or scope shares"
    paths = {
        "/api/v1/tasks/{id}/shares": {
            "parameters": [_ID],
            "get": _call("With whom the task is shared, links, who is inside", _model(SharesView)),
            "post": {**_call(made, _model(ShareView), "201"), "requestBody": body},
            "delete": _call("End all shares and links, and cut off who is inside", _NOTHING),
        },
        "/api/v1/tasks/{id}/shares/{share}": {
            "parameters": [_ID, _SHARE],
            "delete": _call("End a share or a link, and cut off whom it let in", _NOTHING),
        },
        "/api/v1/tasks/{id}/visitors": {
            "parameters": [_ID],
            "get": _call("Who has used the task within a minute", _model(VisitorsView)),
        },
        "/api/v1/shared": {
            "get": needs(LOGGED_IN, _call("What others share with the principal", shared))
        },
    }
    return all_need(SHARE_TASK, paths)


_NOTHING: dict[str, Any] = {"type": "object"}


def _model(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": _REF.format(model=model.__name__)}


def _call(summary: str, schema: dict[str, Any], status: str = "200") -> dict[str, Any]:
    answer = {"description": summary, "content": {_JSON: {"schema": schema}}}
    return {"summary": summary, "responses": {status: answer, "4XX": _REFUSED}}
