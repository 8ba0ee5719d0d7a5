"""The description of the REST API has every route, with the methods that its handler answers."""

import re
from types import SimpleNamespace
from typing import Any, cast

from tornado import web

from rosetta_hub.web import openapi_rights
from rosetta_hub.web.application import build_application
from rosetta_hub.web.openapi import build_openapi
from rosetta_hub.web.openapi_rights import Right, read_right
from rosetta_hub.web.services import Services

PREFIX = "/services/rosetta/"
METHODS = ("get", "post", "put", "patch", "delete")
# Groups of the routes' patterns, by what stands before them.
NAMES = {
    "announcements": "id",
    "builds": "id",
    "computing": "computing",
    "copies": "id",
    "identities": "computing",
    "invitations": "id",
    "logins": "id",
    "merged": "user",
    "registries": "host",
    "sign-ups": "id",
    "shares": "share",
    "software": "card",
    "storages": "storage",
    "tasks": "id",
    "tokens": "id",
    "uploads": "upload",
    "users": "user",
    "versions": "id",
    "archive": "ticket",
}


def described() -> dict[str, Any]:
    return dict(build_openapi(PREFIX))


def rules() -> list[Any]:
    services = cast(Services, SimpleNamespace(settings=SimpleNamespace(service_prefix=PREFIX)))
    return list(build_application(services, b"secret").wildcard_router.rules)


def routes(inherited: bool = False) -> dict[str, set[str]]:
    """The methods of each route of the API, by its path as the description writes it.

    With those that its handler has inherited, or without.
    """
    found = {}
    for rule in rules():
        pattern = rule.matcher.regex.pattern.removesuffix("$")
        if not pattern.startswith(f"{PREFIX}api/v1/") or "openapi" in pattern:
            continue
        path = "/" + pattern.removeprefix(PREFIX)
        for before, name in NAMES.items():
            path = re.sub(rf"/{before}/\((?!\.)[^)]*\)", f"/{before}/{{{name}}}", path)
        path = path.replace("/(.*)", "/{path}").replace("/links/.+", "/links/{provider}/{spec}")
        found[path] = _methods(rule.target, inherited)
    return found


def _methods(handler: type[Any], inherited: bool) -> set[str]:
    if not inherited:
        return {method for method in METHODS if method in vars(handler)}
    return {
        method
        for method in METHODS
        if getattr(handler, method) is not getattr(web.RequestHandler, method)
    }


def test_every_route_is_described() -> None:
    paths = described()["paths"]
    missing = {
        (path, method)
        for path, methods in routes().items()
        for method in methods
        if method not in paths.get(path, {})
    }
    assert missing == set()


def test_each_operation_names_the_right_that_it_needs() -> None:
    """Without it, nobody tests who is refused: see tests/service/test_rights.py."""
    operations = {
        (path, method): call
        for path, calls in described()["paths"].items()
        for method, call in calls.items()
        if method != "parameters"
    }
    assert len(operations) > 60
    known = {right for right in vars(openapi_rights).values() if isinstance(right, Right)}
    unknown = {
        operation
        for operation, call in operations.items()
        if read_right(call.get("x-right")) not in known
    }
    assert unknown == set()


def test_what_is_described_is_there() -> None:
    known = routes(inherited=True)
    surplus = {
        (path, method)
        for path, calls in described()["paths"].items()
        for method in calls.keys() & set(METHODS)
        if path.startswith("/api/") and method not in known.get(path, set())
    }
    assert surplus == set()


def test_no_address_answers_what_another_is_asked() -> None:
    handlers = {rule.target for rule in rules()}
    borrowed = {
        (handler.__name__, method)
        for handler in handlers
        for method in METHODS
        for origin in [next((each for each in handler.__mro__ if method in vars(each)), handler)]
        if origin is not handler and origin in handlers
    }
    assert borrowed == set()


def test_all_schemas_that_are_named_are_there() -> None:
    document = described()
    named = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert named <= document["components"]["schemas"].keys()
