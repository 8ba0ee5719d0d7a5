"""The description of the REST API has every route, with the methods that its handler answers."""

import functools
import re
from types import SimpleNamespace
from typing import Any, cast

from openapi_spec_validator import validate
from tornado import web

from rosetta_hub.database.paging import PageView
from rosetta_hub.web import rights
from rosetta_hub.web.api_handlers import API_HANDLERS, describe_api
from rosetta_hub.web.application import build_application
from rosetta_hub.web.operations import is_model, operations_of
from rosetta_hub.web.path_parameters import PATH_PARAMETERS, parameter_names
from rosetta_hub.web.rights import Right
from rosetta_hub.web.services import Services
from tests.support.rights import read_right

PREFIX = "/services/rosetta/"
METHODS = ("get", "post", "put", "patch", "delete")


@functools.cache
def described() -> dict[str, Any]:
    return dict(describe_api(PREFIX))


def rules() -> list[Any]:
    services = cast(Services, SimpleNamespace(settings=SimpleNamespace(service_prefix=PREFIX)))
    return list(build_application(services, b"secret").wildcard_router.rules)


def routes(inherited: bool = False) -> dict[str, set[str]]:
    """The methods of each route of the API, by its path as the description writes it.

    With those that its handler has inherited, or without.
    """
    methods = {}
    for rule in rules():
        pattern = rule.matcher.regex.pattern.removesuffix("$")
        if not pattern.startswith(f"{PREFIX}api/v1"):
            continue
        path = "/" + pattern.removeprefix(PREFIX).replace("/links/.+", "/links/{}/{}")
        path = re.sub(r"\([^)]*\)", "{}", path).replace("\\", "")
        methods[path] = _methods(rule.target, inherited)
    return methods


def without_names(path: str) -> str:
    """A path of the description, as routes know it."""
    return re.sub(r"{\w+}", "{}", path)


def _methods(handler: type[Any], inherited: bool) -> set[str]:
    if not inherited:
        return {method for method in METHODS if method in vars(handler)}
    return {
        method
        for method in METHODS
        if getattr(handler, method) is not getattr(web.RequestHandler, method)
    }


def test_every_route_is_described() -> None:
    paths = {without_names(path): calls for path, calls in described()["paths"].items()}
    missing = {
        (path, method)
        for path, methods in routes().items()
        for method in methods
        if method not in paths.get(path, {})
    }
    assert missing == set()


def test_each_operation_names_the_right_that_it_needs() -> None:
    """Without it, nobody tests who is refused: see tests/rights."""
    operations = {
        (path, method): call
        for path, calls in described()["paths"].items()
        for method, call in calls.items()
        if method != "parameters"
    }
    assert len(operations) > 60
    values = {right for right in vars(rights).values() if isinstance(right, Right)}
    unknown = {
        operation
        for operation, call in operations.items()
        if read_right(call.get("x-right")) not in values
    }
    assert unknown == set()


def test_what_is_described_is_there() -> None:
    by_path = routes(inherited=True)
    surplus = {
        (path, method)
        for path, calls in described()["paths"].items()
        for method in calls.keys() & set(METHODS)
        if path.startswith("/api/") and method not in by_path.get(without_names(path), set())
    }
    assert surplus == set()


def test_no_address_answers_what_another_is_asked() -> None:
    handlers = {rule.target for rule in rules()}
    borrowed = {
        (handler.__name__, method)
        for handler in handlers
        for method in METHODS
        for origin in [
            next((parent for parent in handler.__mro__ if method in vars(parent)), handler)
        ]
        if origin is not handler and origin in handlers
    }
    assert borrowed == set()


def test_all_schemas_that_are_named_are_there() -> None:
    document = described()
    named = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert named <= document["components"]["schemas"].keys()


def operations() -> list[tuple[str, dict[str, Any]]]:
    """All of them, with their paths."""
    return [
        (path, call)
        for path, calls in described()["paths"].items()
        for method, call in calls.items()
        if method in METHODS
    ]


def test_each_page_links_to_the_next_one() -> None:
    answers = [
        operation.answer
        for handler in API_HANDLERS
        for operation in operations_of(handler).values()
    ]
    pages = {model for model in answers if is_model(model) and "next" in model.model_fields}
    assert len(pages) > 6
    assert {model.__name__ for model in pages if not issubclass(model, PageView)} == set()


# What others write: a record's detail depends on the event, an entry has what its user has set, and
# RFC 9457 lets problems have further members.
OPEN = {"AuditRecordView.detail", "Problem", "VersionView.entry", "WrittenVersion.entry"}


def open_objects(schema: Any, name: str) -> set[str]:
    """The schemas within this one that let an object have any keys."""
    names: set[str] = set()
    if isinstance(schema, list):
        return names.union(*(open_objects(part, name) for part in schema))
    if not isinstance(schema, dict):
        return names
    is_bare = schema.get("type") == "object" and "properties" not in schema
    if schema.get("additionalProperties", is_bare) is True or schema == {}:
        names.add(name)
    for key, value in schema.get("properties", {}).items():
        names |= open_objects(value, f"{name}.{key}")
    for key in ("items", "additionalProperties", "anyOf", "oneOf", "allOf"):
        names |= open_objects(schema.get(key), name)
    return names


def test_objects_say_which_keys_they_have() -> None:
    schemas = described()["components"]["schemas"]
    names = set().union(*(open_objects(schema, name) for name, schema in schemas.items()))
    assert names == OPEN


def test_the_document_is_openapi() -> None:
    validate(described())


def test_operations_have_names_of_their_own() -> None:
    names = [call["operationId"] for _, call in operations()]
    assert len(names) == len(set(names)) > 100
    assert [name for name in names if not re.fullmatch("[a-z]+(_[a-z]+)+", name)] == []


def test_operations_are_described_in_a_line_and_tagged() -> None:
    document = described()
    tags = {tag["name"] for tag in document["tags"]}
    wrong = [
        (path, call["summary"])
        for path, call in operations()
        if not 5 <= len(call["summary"]) <= 100 or not set(call["tags"]) <= tags
    ]
    assert wrong == []


def test_what_operations_take_has_no_unknown_keys() -> None:
    declared = [
        operation for handler in API_HANDLERS for operation in operations_of(handler).values()
    ]
    models = {
        model
        for operation in declared
        for model in (operation.query, operation.body)
        if is_model(model)
    }
    assert [model for model in models if model.model_config.get("extra") != "forbid"] == []


def test_names_of_schemas_are_those_of_models() -> None:
    """Where two models have one name, pydantic gives each a long one."""
    names = described()["components"]["schemas"]
    assert [name for name in names if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name)] == []


def test_every_parameter_of_a_path_has_a_pattern() -> None:
    used = {name for handler in API_HANDLERS for name in parameter_names(handler.path)}
    assert used <= PATH_PARAMETERS.keys()
    wrong = [
        name
        for name, parameter in PATH_PARAMETERS.items()
        if not re.fullmatch(parameter.pattern, parameter.example)
    ]
    assert wrong == []
