"""The description of the REST API (OpenAPI 3.1), made of the operations of its handlers."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from tornado import web

from rosetta_hub import __version__
from rosetta_hub.web.bodies import JSON
from rosetta_hub.web.operations import NOTHING, Body, Content, Operation, is_model, operations_of
from rosetta_hub.web.path_parameters import describe_parameters, parameter_names
from rosetta_hub.web.problem import MEDIA_TYPE, Problem
from rosetta_hub.web.rights import needs

BASE = "/api/v1"
_REF = "#/components/schemas/{model}"
# What any operation may answer: an address or a header that can't be read, a request that is not
# the user's to make, a method that the address has not, one request too many, a part of the
# system that is away.
_ALWAYS = (400, 403, 405, 429, 503)
# By the first part of the path after `admin/`; in the order of the documentation.
_TAGS = {
    "tasks": "Starting tasks, entering and stopping them",
    "computing": "Computing resources and what is idle there",
    "software": "The catalogue, images and their registries",
    "builds": "Images from repositories",
    "storages": "Storages, their files, and copies between them",
    "sharing": "Shares of tasks",
    "account": "The user's own account",
    "admin": "For administrators",
    "service": "The service itself",
}
_TAG_OF = {
    **{"events": "tasks", "users": "tasks", "images": "software", "registries": "software"},
    **{"links": "builds", "copies": "storages", "shared": "sharing", "announcements": "service"},
    **{
        "registry": "software",
        "openapi.json": "service",
        "": "service",
        "user": "account",
        "token": "account",
    },
    "client-logins": "account",
}
# By status: the name of the component, and what it means.
_REFUSALS = {
    400: ("BadRequest", "The request can't be read"),
    403: ("Forbidden", "The user, or the token, may not do this"),
    404: ("NotFound", "There is nothing of this name that the user may see"),
    405: ("MethodNotAllowed", "The address has no such method; `Allow` names those that it has"),
    409: ("Conflict", "The request does not fit the present state"),
    412: ("PreconditionFailed", "What is to be changed has changed meanwhile"),
    413: ("TooLarge", "There is too much of it"),
    415: ("UnsupportedMediaType", "The body is of another media type than is read here"),
    416: ("RangeNotSatisfiable", "The file has no such range"),
    422: ("DoesNotFit", "A value does not fit; `errors` says where"),
    426: ("UpgradeRequired", "The address is for WebSockets"),
    428: ("PreconditionRequired", "The request does not say which revision it changes"),
    429: ("TooManyRequests", "Too many requests; `Retry-After` says when to try again"),
    460: ("ChecksumMismatch", "What has come is not what the checksum says"),
    503: ("Unavailable", "A part of the system does not answer; try again later"),
    507: ("NoSpace", "There is no space left"),
}
_KEY_TEXT = (
    "A text of the client's own for this request: if it is sent again with the same key within 24"
    " hours, it is not carried out again, and the answer is the same"
)

Mode = Literal["validation", "serialization"]
Handlers = Iterable[type[web.RequestHandler]]


def build_openapi(prefix: str, handlers: Handlers) -> dict[str, Any]:
    """The document, for a service below `prefix`."""
    declared = [(path_of(handler), operations_of(handler)) for handler in handlers]
    schemas = _Schemas(
        [operation for _, operations in declared for operation in operations.values()]
    )
    paths = {path: _path_item(path, operations, schemas) for path, operations in declared}
    refusals = {name: _refusal(text) for name, text in _REFUSALS.values()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rosetta Hub", "version": __version__},
        "servers": [{"url": prefix.removesuffix("/")}],
        "security": [{"token": []}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas.definitions,
            "responses": refusals,
            "securitySchemes": {"token": _TOKEN},
        },
    }


_TOKEN = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "description": "`token <a token of the hub>`, with the scope access:services!service=rosetta"
    " and those named at each call",
}


def path_of(handler: type[Any]) -> str:
    """The path of a handler as the document writes it; one that begins with `/` is complete."""
    if handler.path.startswith("/"):
        return str(handler.path)
    return f"{BASE}/{handler.path}".removesuffix("/")


class _Schemas:
    """The models of all operations, as schemas of the document."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        models: dict[tuple[type[BaseModel], Mode], None] = {(Problem, "serialization"): None}
        for operation in operations:
            for model in (operation.query, operation.body):
                if is_model(model):
                    models[model, "validation"] = None
            if is_model(operation.answer):
                models[operation.answer, "serialization"] = None
        self._references, document = models_json_schema([*models], ref_template=_REF)
        self.definitions: dict[str, Any] = document["$defs"]

    def of_body(self, model: type[BaseModel]) -> dict[str, Any]:
        """The reference to what a request has."""
        return self._references[model, "validation"]

    def of_answer(self, model: type[BaseModel]) -> dict[str, Any]:
        """The reference to what is answered."""
        return self._references[model, "serialization"]

    def query(self, model: type[BaseModel]) -> list[dict[str, Any]]:
        """The parameters of a query; it has no other use in the document."""
        name = self.of_body(model)["$ref"].rpartition("/")[2]
        schema = self.definitions[name]
        required = schema.get("required", [])
        return [
            {"name": key, "in": "query", "required": key in required, **_query_value(value)}
            for key, value in schema["properties"].items()
        ]


def _path_item(path: str, operations: dict[str, Operation], schemas: _Schemas) -> dict[str, Any]:
    item: dict[str, Any] = {
        method: needs(operation.right, _describe(path, operation, schemas))
        for method, operation in operations.items()
    }
    parameters = describe_parameters(path)
    return {"parameters": parameters, **item} if parameters else item


def _describe(path: str, declared: Operation, schemas: _Schemas) -> dict[str, Any]:
    success = {"description": declared.summary, **_content(declared.answer, schemas.of_answer)}
    refused = {str(status): _reference(status) for status in sorted(_refusals(path, declared))}
    call: dict[str, Any] = {
        "operationId": declared.id,
        "summary": declared.summary,
        "tags": [_tag(path)],
        "responses": {
            **{str(status): success for status in (declared.status, *declared.also)},
            **({"204": {"description": "Done"}} if 204 in declared.also else {}),
            **refused,
        },
    }
    parameters = _parameters(declared, schemas)
    if parameters:
        call["parameters"] = parameters
    if declared.body is not None:
        required = is_model(declared.body) and _has_required(declared.body)
        call["requestBody"] = {"required": required, **_content(declared.body, schemas.of_body)}
    if declared.description:
        call["description"] = declared.description
    return call


def _parameters(declared: Operation, schemas: _Schemas) -> list[dict[str, Any]]:
    headers = [_header(name) for name in declared.headers]
    if declared.idempotent:
        headers.append(_header("Idempotency-Key", _KEY_TEXT, required=False))
    if declared.matches:
        headers.append(_header("If-Match", "The revision that is to be changed: an entity tag"))
    return [*headers, *(schemas.query(declared.query) if declared.query else [])]


def _header(name: str, text: str = "", required: bool = True) -> dict[str, Any]:
    described = {"description": text} if text else {}
    return {
        **{"name": name, "in": "header", "required": required},
        **{**described, "schema": {"type": "string"}},
    }


def _query_value(schema: dict[str, Any]) -> dict[str, Any]:
    """A property as a parameter: what is left out is null, which nobody can write in an address."""
    value = {key: item for key, item in schema.items() if key not in ("title", "description")}
    if value.get("default", ...) is None:
        del value["default"]
    choices = [choice for choice in value.pop("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        value |= choices[0]
    elif choices:
        value["anyOf"] = choices
    described = {"description": schema["description"]} if "description" in schema else {}
    return {**described, "schema": value}


def _refusals(path: str, declared: Operation) -> set[int]:
    statuses = {*_ALWAYS, *declared.refuses}
    if parameter_names(path):
        statuses.add(404)
    if declared.query is not None:
        statuses.add(422)
    if is_model(declared.body):
        statuses |= {415, 422}
    if declared.idempotent:
        statuses |= {409, 422}
    if declared.matches:
        statuses |= {412, 428}
    return statuses


def _content(body: Body, reference: Any) -> dict[str, Any]:
    if body is None or body == NOTHING:
        return {}
    if isinstance(body, Content):
        # JSON that a handler writes may be anything, what is no JSON is text or bytes.
        return {
            "content": {
                kind: {"schema": {} if kind == JSON else {"type": "string"}}
                for kind in body.media_types
            }
        }
    return {"content": {JSON: {"schema": reference(body)}}}


def _refusal(text: str) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=Problem.__name__)}
    return {"description": text, "content": {MEDIA_TYPE: {"schema": schema}}}


def _reference(status: int) -> dict[str, Any]:
    return {"$ref": f"#/components/responses/{_REFUSALS[status][0]}"}


def _tag(path: str) -> str:
    first = path.removeprefix(BASE).removeprefix("/").partition("/")[0]
    return _TAG_OF.get(first, first)


def _has_required(model: type[BaseModel]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())
