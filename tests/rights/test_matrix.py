"""Every operation of the API's description, asked as every role: what its right says holds.

Nothing here names an operation: a new one is tested as soon as it is described. Who lacks the
right is refused before the request is looked at, and nothing changes.
"""

import re
from dataclasses import dataclass
from typing import Any, cast

import pytest

from rosetta_hub.web.api_handlers import describe_api
from rosetta_hub.web.rights import Right, RightSubject
from tests.support.rights import read_right

from .conftest import PREFIX, Answer, Site
from .examples import Examples
from .roles import ROLES, Role

pytestmark = pytest.mark.asyncio(loop_scope="session")

DOCUMENT = describe_api(PREFIX)
EXAMPLES = Examples(DOCUMENT)
# The server's own fault; 503 tells that something else does not answer.
FAULTS = (500, 501, 502)


@dataclass(frozen=True)
class Operation:
    """An operation of the description."""

    method: str
    path: str
    call: dict[str, Any]
    parameters: list[dict[str, Any]]

    @property
    def right(self) -> Right:
        """What it needs."""
        return cast(Right, read_right(self.call["x-right"]))


def operations() -> list[Operation]:
    """All of them."""
    return [
        Operation(
            method.upper(),
            path,
            call,
            [*calls.get("parameters", []), *call.get("parameters", [])],
        )
        for path, calls in DOCUMENT["paths"].items()
        for method, call in calls.items()
        if method != "parameters"
    ]


@pytest.mark.parametrize(
    "operation", operations(), ids=lambda item: f"{item.method} {item.path}".replace("/api/", "")
)
async def test_operation(site: Site, operation: Operation) -> None:
    path, is_made_up = await find_path(site, operation)
    before = await site.settle()
    site.hub.changes.clear()
    tokens = dict(site.hub.tokens)
    refused = {name: role for name, role in ROLES.items() if not role.has(operation.right)}
    wrong = []
    for name, role in refused.items():
        answer = await ask(site, operation, path, role)
        wrong += complain(operation.right, name, answer, is_made_up)
    after = await site.settle()
    tables = [table for table in before if before[table] != after[table]]
    assert (wrong, tables, site.hub.changes) == ([], [], []), describe(operation, path)
    for name in ROLES.keys() - refused:
        answer = await ask(site, operation, path, ROLES[name])
        wrong += complain(operation.right, name, answer, is_made_up)
        site.state.restore(before, await site.settle())
        site.hub.tokens = dict(tokens)
    assert wrong == [], describe(operation, path)


def describe(operation: Operation, path: str) -> str:
    """What should be, for whom a test tells that it is not."""
    return f"{operation.method} {path} needs: {operation.right.describe()}"


def complain(right: Right, name: str, answer: Answer, is_made_up: bool) -> list[str]:
    """What is wrong with the answer to a role."""
    complaint = judge(right, ROLES[name], answer, is_made_up)
    return [f"{name}: {answer.status} {answer.body[:120]!r} {complaint}"] if complaint else []


def judge(right: Right, role: Role, answer: Answer, is_made_up: bool) -> str:
    """What is wrong with an answer; an empty text where nothing is."""
    if answer.status in FAULTS:
        return "a fault"
    if right.subject is RightSubject.ANYBODY:
        return ""
    if not role.has(right):
        return "" if answer.is_refusal else "should be refused"
    # What is not there can't be found by who may.
    is_missing = is_made_up and answer.status == 404
    return "should be allowed" if answer.is_refusal and not is_missing else ""


async def ask(site: Site, operation: Operation, path: str, role: Role) -> Answer:
    """The answer to an example of the operation."""
    body, headers = EXAMPLES.body(operation.call)
    headers |= EXAMPLES.headers(operation.parameters)
    query = EXAMPLES.query(operation.parameters)
    return await site.fetch(operation.method, path + query, role.token, body, headers)


async def find_path(site: Site, operation: Operation) -> tuple[str, bool]:
    """The address, and whether a part of it names what there is not."""
    path, is_made_up = operation.path, False
    for name in re.findall(r"{(\w+)}", path):
        collection = operation.path.partition("/{" + name + "}")[0]
        before, _, after = path.partition("/{" + name + "}")
        value = site.ids.get(collection) or site.ids.get(collection.rpartition("/")[2])
        value = value or await make(site, collection, before)
        if value is None:
            schema = next(
                parameter for parameter in operation.parameters if parameter["name"] == name
            )
            value, is_made_up = str(EXAMPLES.parameter(schema)), True
        path = f"{before}/{value}{after}"
    return path, is_made_up


async def make(site: Site, template: str, path: str) -> str | None:
    """The id of what a POST to a collection makes; None where nothing is made so."""
    maker = next(
        (
            operation
            for operation in operations()
            if (operation.method, operation.path) == ("POST", template)
        ),
        None,
    )
    if maker is None:
        return None
    able = [role for role in (ROLES["owner"], ROLES["admin"]) if role.has(maker.right)]
    answer = await ask(site, maker, path, able[0])
    document = answer.json() if answer.status in (200, 201) else {}
    return next((str(document[key]) for key in ("id", "code") if key in document), None)
