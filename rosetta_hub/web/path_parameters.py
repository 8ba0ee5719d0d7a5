"""What stands in braces in the paths of the REST API: one table for routes and description."""

import re
from dataclasses import dataclass
from typing import Any

_ID = "[0-9a-f]{12}"
_LONG_ID = "[0-9a-f]{32}"
_NUMBER = "[1-9][0-9]{0,8}"
_SEGMENT = "[^/]+"
_TICKET = "[A-Za-z0-9_-]+"


@dataclass(frozen=True)
class PathParameter:
    """A parameter of a path: what it may be (a regular expression), and what it is."""

    pattern: str
    description: str
    example: str


PATH_PARAMETERS = {
    "account": PathParameter(_LONG_ID, "Id of an account that waits for approval", "0" * 32),
    "announcement": PathParameter(_NUMBER, "Id of an announcement", "1"),
    "build": PathParameter(_ID, "Id of a build", "0123456789ab"),
    "family": PathParameter(_SEGMENT, "Id of a software family in the catalogue", "echo"),
    "computing": PathParameter(
        "[a-z0-9._-]{1,63}", "Id of a computing resource of the configuration", "cluster"
    ),
    "copy": PathParameter(_ID, "Id of a copy", "0123456789ab"),
    "host": PathParameter(_SEGMENT, "Host of a registry, with its port if any", "ghcr.io"),
    "invitation": PathParameter(_LONG_ID, "Id of an invitation", "0" * 32),
    "login": PathParameter(_NUMBER, "Id of a login", "1"),
    "entry": PathParameter(
        ".*",
        "Relative to the storage: every byte but unreserved ones and `/` is percent-encoded",
        "folder/file.txt",
    ),
    "provider": PathParameter(_SEGMENT, "Provider of repositories, as in links", "gh"),
    "session": PathParameter("[0-9a-f]{64}", "Id of a login in a browser", "0" * 64),
    "share": PathParameter(_ID, "Id of a share or of a link that shares", "0123456789ab"),
    "spec": PathParameter(
        ".+", "Repository and reference, spelt as in links", "owner/repository/main"
    ),
    "storage": PathParameter(_SEGMENT, "Id of a storage", "data"),
    "task": PathParameter(_ID, "Id of a task", "0123456789ab"),
    "ticket": PathParameter(_TICKET, "Ticket of an archive", "abc"),
    "token": PathParameter(_SEGMENT, "Id of a token of the hub", "a1"),
    "upload": PathParameter(_TICKET, "Name of an upload", "abc"),
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
