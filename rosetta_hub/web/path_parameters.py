"""What stands in braces in the paths of the REST API: one table for routes and description."""

import re
from dataclasses import dataclass
from typing import Any

_ID = "[0-9a-f]{12}"
_LONG_ID = "[0-9a-f]{32}"
_NUMBER = "[1-9][0-9]{0,8}"
_SEGMENT = "[^/]+"


@dataclass(frozen=True)
class PathParameter:
    """A parameter of a path: what it may be (a regular expression), and what it is."""

    pattern: str
    description: str
    example: str


PATH_PARAMETERS = {
    "account": PathParameter(_LONG_ID, "Id of an account that waits for approval", "0" * 32),
    "announcement": PathParameter(_NUMBER, "Id of an announcement", "1"),
    "card": PathParameter(_SEGMENT, "Id of software in the catalogue: of a card", "echo"),
    "computing": PathParameter(
        "[a-z0-9._-]{1,63}", "Id of a computing resource of the configuration", "cluster"
    ),
    "invitation": PathParameter(_LONG_ID, "Id of an invitation", "0" * 32),
    "login": PathParameter(_NUMBER, "Id of a login", "1"),
    "share": PathParameter(_ID, "Id of a share or of a link that shares", "0123456789ab"),
    "task": PathParameter(_ID, "Id of a task", "0123456789ab"),
    "token": PathParameter(_SEGMENT, "Id of a token of the hub", "a1"),
    "user": PathParameter(_SEGMENT, "Name of a user of the hub", "alice"),
    "version": PathParameter(_ID, "Id of a version of software", "0123456789ab"),
}
_BRACES = re.compile(r"{(\w+)}")


def parameter_names(path: str) -> list[str]:
    """The names of a path's parameters, in their order."""
    return _BRACES.findall(path)


def route_pattern(path: str) -> str:
    """The regular expression of a path, with a group for each parameter."""
    parts = _BRACES.split(path)
    return "".join(
        f"({PATH_PARAMETERS[part].pattern})" if number % 2 else re.escape(part)
        for number, part in enumerate(parts)
    )


def describe_parameters(path: str) -> list[dict[str, Any]]:
    """The parameters of a path as OpenAPI writes them."""
    return [_describe(name, PATH_PARAMETERS[name]) for name in parameter_names(path)]


def _describe(name: str, parameter: PathParameter) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": parameter.description,
        "schema": {"type": "string", "pattern": f"^{parameter.pattern}$"},
        "example": parameter.example,
    }
