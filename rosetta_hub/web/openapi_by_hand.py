"""What of the REST API is still described by hand."""

from typing import Any

from pydantic import BaseModel

from rosetta_hub.catalogue.options import TaskOptions
from rosetta_hub.tasks.view import TaskView
from rosetta_hub.web.api import StartAgain
from rosetta_hub.web.archive_api import Selection
from rosetta_hub.web.files_api import Permissions, Removal, Renaming
from rosetta_hub.web.openapi_builds import builds_paths, builds_schemas
from rosetta_hub.web.openapi_copies import copies_paths, copies_schemas
from rosetta_hub.web.openapi_files import FILES_SCHEMAS, files_paths
from rosetta_hub.web.openapi_images import images_paths, images_schemas
from rosetta_hub.web.openapi_registries import registries_paths, registries_schemas
from rosetta_hub.web.openapi_software import software_paths, software_schemas
from rosetta_hub.web.rights import (
    LOGGED_IN,
    needs,
)

_REF = "#/components/schemas/{model}"
_COMPUTING = {"name": "computing", "in": "path", "required": True, "schema": {"type": "string"}}
_USER = {"name": "user", "in": "path", "required": True, "schema": {"type": "string"}}
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
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


def paths_by_hand() -> dict[str, Any]:
    """All paths whose handlers have no operations yet."""
    return _paths()


def schemas_by_hand() -> dict[str, Any]:
    """The schemas that they name."""
    return {
        **_schemas(*_MODELS),
        **FILES_SCHEMAS,
        **copies_schemas(),
        **builds_schemas(),
        **images_schemas(),
        **software_schemas(),
        **registries_schemas(),
    }


def _paths() -> dict[str, Any]:
    return {
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
        **software_paths(),
        **images_paths(),
        **registries_paths(),
        **files_paths(),
        **copies_paths(),
        **builds_paths(),
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


def _schemas(*models: type[BaseModel]) -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    for model in models:
        schema = model.model_json_schema(ref_template=_REF)
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    return schemas
