"""The part of the REST API's description that is for administrators."""

from typing import Any

from pydantic import BaseModel

from rosetta_hub.audit.queries import AuditFilter
from rosetta_hub.web.admin_audit_api import AuditPage
from rosetta_hub.web.openapi_rights import ADMINISTER, all_need

_REF = "#/components/schemas/{model}"
_REFUSED = {"description": 'Refused: {"error": a message that tells why}'}


def admin_schemas() -> dict[str, Any]:
    """The schemas of requests and answers."""
    schemas: dict[str, Any] = {}
    models: tuple[type[BaseModel], ...] = ()
    for model in models:
        schema = model.model_json_schema(ref_template=_REF)
        schemas |= {**schema.pop("$defs", {}), model.__name__: schema}
    return schemas


def admin_paths() -> dict[str, Any]:
    """All paths below `/api/admin`."""
    return all_need(ADMINISTER, _audit_paths())


def _audit_paths() -> dict[str, Any]:
    lines = {"type": "string"}
    return {
        "/api/admin/audit": {
            "get": _call("Records of the audit log", _object("records"), query=AuditPage)
        },
        "/api/admin/audit/export": {
            "get": _call(
                "The audit log as JSON lines",
                lines,
                query=AuditFilter,
                kind="application/x-ndjson",
            )
        },
    }


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
