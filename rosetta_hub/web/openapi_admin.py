"""The part of the REST API's description that is for administrators."""

from typing import Any

from pydantic import BaseModel

from rosetta_hub.administration.announcements import AnnouncementText
from rosetta_hub.administration.task_list import TaskFilter
from rosetta_hub.audit.queries import AuditFilter
from rosetta_hub.web.admin_audit_api import AuditQuery
from rosetta_hub.web.admin_computing_api import Drain
from rosetta_hub.web.admin_software_api import Block, SoftwareQuery
from rosetta_hub.web.admin_tasks_api import Days, Stops
from rosetta_hub.web.admin_users_api import SessionsEnd, UsersQuery
from rosetta_hub.web.rights import ADMINISTER, NO_LOGIN, all_need, needs

_REF = "#/components/schemas/{model}"
_REFUSED = {"description": "Refused: problem details (RFC 9457)"}


def admin_schemas() -> dict[str, Any]:
    """The schemas of requests and answers."""
    schemas: dict[str, Any] = {}
    model: type[BaseModel]
    for model in (AnnouncementText, Drain, Stops, SessionsEnd, Block):
        schema = model.model_json_schema(ref_template=_REF)
        schemas |= {**schema.pop("$defs", {}), model.__name__: schema}
    return schemas


def admin_paths() -> dict[str, Any]:
    """All paths below `/api/v1/admin`."""
    settings = {**_computing_paths(), **_announcements_paths(), **_software_paths()}
    return all_need(ADMINISTER, {**_tasks_paths(), **_users_paths(), **settings, **_audit_paths()})


def _audit_paths() -> dict[str, Any]:
    lines = {"type": "string"}
    return {
        "/api/v1/admin/audit": {
            "get": _call("Records of the audit log", _object("records"), query=AuditQuery)
        },
        "/api/v1/admin/audit/export": {
            "get": _call(
                "The audit log as JSON lines",
                lines,
                query=AuditFilter,
                kind="application/x-ndjson",
            )
        },
    }


def _computing_paths() -> dict[str, Any]:
    return {
        "/api/v1/admin/computing": {
            "get": _call("How each computing resource does", _object("computing"))
        },
        "/api/v1/admin/computing/{computing}/drain": {
            "parameters": [_path_parameter("computing")],
            "put": _call("Let no more tasks start there", _object("drained"), body=Drain),
            "delete": _call("Let tasks start there again", _object("drained")),
        },
    }


def _announcements_paths() -> dict[str, Any]:
    listed, one = _object("announcements"), _object("text")
    return {
        "/api/v1/announcements": {"get": needs(NO_LOGIN, _call("What is announced now", listed))},
        "/api/v1/admin/announcements": {
            "get": _call("All announcements", listed),
            "post": _call("Announce something", one, body=AnnouncementText, status="201"),
        },
        "/api/v1/admin/announcements/{id}": {
            "parameters": [_path_parameter("id")],
            "put": _call("Replace an announcement", one, body=AnnouncementText),
            "delete": _call("Delete an announcement", {"type": "object"}),
        },
    }


def _tasks_paths() -> dict[str, Any]:
    return {
        "/api/v1/admin/tasks": {
            "get": _call("A page of everybody's tasks", _object("tasks"), query=TaskFilter)
        },
        "/api/v1/admin/tasks/stop": {
            "post": _call("Stop tasks", _object("stopped"), body=Stops, status="202")
        },
        "/api/v1/admin/numbers": {
            "get": _call("What happened each day", _object("numbers"), query=Days)
        },
    }


def _software_paths() -> dict[str, Any]:
    version = {"parameters": [_path_parameter("card")]}
    return {
        "/api/v1/admin/software": {
            "get": _call("Software of users", _object("software"), query=SoftwareQuery)
        },
        "/api/v1/admin/software/{card}": {
            **version,
            "delete": _call("Delete a version", {"type": "object"}),
        },
        "/api/v1/admin/software/{card}/block": {
            **version,
            "put": _call("Let nobody start a version", _object("blocked"), body=Block),
            "delete": _call("Let it be started again", _object("blocked")),
        },
    }


def _users_paths() -> dict[str, Any]:
    ended = _call("End all sessions of a user", {"type": "object"}, body=SessionsEnd)
    return {
        "/api/v1/admin/users": {"get": _call("Who uses what", _object("users"), query=UsersQuery)},
        "/api/v1/admin/users/{user}/sessions/end": {
            "parameters": [_path_parameter("user")],
            "post": ended,
        },
    }


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _call(
    summary: str,
    schema: dict[str, Any],
    *,
    query: type[BaseModel] | None = None,
    body: type[BaseModel] | None = None,
    kind: str = "application/json",
    status: str = "200",
) -> dict[str, Any]:
    answer = {"description": summary, "content": {kind: {"schema": schema}}}
    call: dict[str, Any] = {
        "summary": summary,
        "responses": {status: answer, "4XX": _REFUSED},
    }
    if query:
        call["parameters"] = _parameters(query)
    if body:
        content = {"schema": {"$ref": _REF.format(model=body.__name__)}}
        call["requestBody"] = {"content": {"application/json": content}}
    return call


def _parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    properties = model.model_json_schema()["properties"]
    return [{"name": name, "in": "query", "schema": one} for name, one in properties.items()]


def _object(key: str) -> dict[str, Any]:
    return {"type": "object", "required": [key]}
