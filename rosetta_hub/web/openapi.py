"""`GET api/v1/openapi.json`: the description of the REST API (OpenAPI 3.1)."""

from typing import Any

from pydantic import BaseModel

from rosetta_hub import __version__
from rosetta_hub.catalogue.options import TaskOptions
from rosetta_hub.tasks.view import TaskView
from rosetta_hub.web.api import StartAgain
from rosetta_hub.web.archive_api import Selection
from rosetta_hub.web.files_api import Permissions, Removal, Renaming
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.openapi_account import account_paths, account_schemas
from rosetta_hub.web.openapi_admin import admin_paths, admin_schemas
from rosetta_hub.web.openapi_builds import builds_paths, builds_schemas
from rosetta_hub.web.openapi_copies import copies_paths, copies_schemas
from rosetta_hub.web.openapi_files import FILES_SCHEMAS, files_paths
from rosetta_hub.web.openapi_images import images_paths, images_schemas
from rosetta_hub.web.openapi_lifetimes import lifetimes_paths, lifetimes_schemas
from rosetta_hub.web.openapi_local import local_paths, local_schemas
from rosetta_hub.web.openapi_logins import logins_paths, logins_schemas
from rosetta_hub.web.openapi_registries import registries_paths, registries_schemas
from rosetta_hub.web.openapi_rights import (
    CHANGE_OWN,
    ENTER_TASK,
    LOGGED_IN,
    SEE_TASK,
    START_TASK,
    STOP_TASK,
    STOP_USER,
    needs,
)
from rosetta_hub.web.openapi_sharing import sharing_paths, sharing_schemas
from rosetta_hub.web.openapi_software import software_paths, software_schemas

_REF = "#/components/schemas/{model}"
_TASK = {"$ref": _REF.format(model="TaskView")}
_COMPUTING = {"name": "computing", "in": "path", "required": True, "schema": {"type": "string"}}
_USER = {"name": "user", "in": "path", "required": True, "schema": {"type": "string"}}
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_PORT = {"name": "port", "in": "query", "schema": {"type": "integer"}}
_CHANGES = {"name": "changes", "in": "query", "schema": {"enum": ["1"]}}
_MODELS: tuple[type[BaseModel], ...] = (
    TaskView,
    TaskOptions,
    StartAgain,
    Renaming,
    Removal,
    Permissions,
    Selection,
)


class OpenApiHandler(HubHandler):
    """The document."""

    def get(self) -> None:
        """Answer it."""
        self.answer(build_openapi(self.services.settings.service_prefix))


def build_openapi(prefix: str) -> dict[str, Any]:
    """The document, for a service below `prefix`."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rosetta Hub", "version": __version__},
        "servers": [{"url": prefix}],
        "security": [{"token": []}],
        "paths": _paths(),
        "components": {
            "schemas": {
                **_schemas(*_MODELS),
                **FILES_SCHEMAS,
                **copies_schemas(),
                **builds_schemas(),
                **images_schemas(),
                **software_schemas(),
                **registries_schemas(),
                **sharing_schemas(),
                **admin_schemas(),
                **lifetimes_schemas(),
                **account_schemas(),
                **local_schemas(),
                **logins_schemas(),
            },
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`token <a token of the hub>`, with the scope"
                    " access:services!service=rosetta and those named at each call",
                }
            },
        },
    }


def _paths() -> dict[str, Any]:
    return {
        "/api/v1/computing": {
            "get": needs(LOGGED_IN, _call("The computing resources", _object("computing")))
        },
        "/api/v1/computing/{computing}/inventory": {
            "parameters": [_COMPUTING],
            "get": needs(
                LOGGED_IN,
                _call("Partitions, limits, accounts and what is idle", _object("partitions")),
            ),
        },
        "/api/v1/tasks": {
            "get": needs(LOGGED_IN, _call("The tasks that the caller sees", _list_of_tasks())),
            "post": needs(CHANGE_OWN, _call("Start a task", _TASK, "201", body="TaskOptions")),
        },
        "/api/v1/tasks/{id}": {
            "parameters": [_ID],
            "get": needs(SEE_TASK, _call("A task", _TASK)),
            "delete": needs(STOP_TASK, _call("Stop and delete it", {}, "202")),
        },
        "/api/v1/tasks/{id}/stop": {
            "parameters": [_ID],
            "post": needs(STOP_TASK, _call("Stop or cancel it", _TASK, "202")),
        },
        "/api/v1/tasks/{id}/start": {
            "parameters": [_ID],
            "post": needs(START_TASK, _call("Start it again", _TASK, "201", body="StartAgain")),
        },
        "/api/v1/tasks/{id}/log": {
            "parameters": [_ID],
            "get": needs(ENTER_TASK, _call("Its output", {"type": "string"}, kind="text/plain")),
        },
        "/api/v1/tasks/{id}/password": {
            "parameters": [_ID],
            "get": needs(ENTER_TASK, _call("Its one-time password", _object("password"))),
        },
        "/api/v1/tasks/{id}/connection": {
            "parameters": [_ID],
            "get": needs(
                ENTER_TASK,
                _call("A TCP connection to it, inside of a WebSocket", {}, "101")
                | {"parameters": [_PORT]},
            ),
        },
        "/api/v1/users/{user}/stop": {
            "parameters": [_USER],
            "post": needs(STOP_USER, _call("Stop all tasks", _list_of_tasks(), "202")),
        },
        "/api/v1/events": {
            "get": needs(
                LOGGED_IN,
                _call(
                    "The tasks (without `changes`), then what changes, as server-sent events",
                    {"type": "string"},
                    kind="text/event-stream",
                )
                | {"parameters": [_CHANGES]},
            )
        },
        **lifetimes_paths(),
        **software_paths(),
        **images_paths(),
        **registries_paths(),
        **account_paths(),
        **local_paths(),
        **logins_paths(),
        **files_paths(),
        **copies_paths(),
        **builds_paths(),
        **sharing_paths(),
        **admin_paths(),
    }


def _call(
    summary: str,
    schema: dict[str, Any],
    status: str = "200",
    body: str | None = None,
    kind: str = "application/json",
) -> dict[str, Any]:
    call: dict[str, Any] = {
        "summary": summary,
        "responses": {
            status: {"description": summary, "content": {kind: {"schema": schema}}},
            "4XX": {"description": "Refused: problem details (RFC 9457)"},
        },
    }
    if body:
        schema = {"$ref": _REF.format(model=body)}
        call["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return call


def _object(key: str) -> dict[str, Any]:
    return {"type": "object", "required": [key]}


def _list_of_tasks() -> dict[str, Any]:
    tasks = {"type": "array", "items": _TASK}
    return {"type": "object", "required": ["tasks"], "properties": {"tasks": tasks}}


def _schemas(*models: type[BaseModel]) -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    for model in models:
        schema = model.model_json_schema(ref_template=_REF)
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    return schemas
