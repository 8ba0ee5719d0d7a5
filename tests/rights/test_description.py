"""Requests that schemathesis makes of the API's description: what is answered is described there.

Every operation is asked as every role, with what fits the description and with what does not, about
what there is and about what there is not. No answer is a fault of the server.
"""

import asyncio
import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from rosetta_hub.web.api_handlers import describe_api
from rosetta_hub.web.uploads_api import CONTENT_TYPE

from .conftest import PREFIX, Site
from .roles import ROLES
from .test_matrix import Operation, find_path, operations

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.system]

schemathesis.serializer.alias(CONTENT_TYPE, "application/octet-stream")
SCHEMA = schemathesis.openapi.from_dict(describe_api(PREFIX))
# A service in front of what does not answer says so.
AWAY = (503, 507)
# Streams have no end, and a WebSocket is no request.
STREAMS = ("text/event-stream",)
# Requests of an operation.
EXAMPLES = 8
DESCRIBED: list[Any] = [
    CHECKS.get_one(name)
    for name in (
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    )
]


def is_answered(operation: Operation) -> bool:
    """Whether an answer has an end."""
    kinds = [
        kind
        for response in operation.call["responses"].values()
        for kind in response.get("content", {})
    ]
    return not set(STREAMS) & set(kinds) and not operation.path.endswith("/connection")


@pytest.mark.parametrize(
    "operation",
    [operation for operation in operations() if is_answered(operation)],
    ids=lambda item: f"{item.method} {item.path}".replace("/api/", ""),
)
async def test_answers_are_described(site: Site, operation: Operation) -> None:
    path, _ = await find_path(site, operation)
    await asyncio.to_thread(ask_all, site, operation, path)
    await site.settle()


def ask_all(site: Site, operation: Operation, path: str) -> None:
    """Make requests, and check each answer.

    Raises:
        AssertionError: what was answered, and what was asked.
    """
    described = SCHEMA[operation.path][operation.method]
    there = read_parameters(operation.path, path)
    strategy = st.one_of(
        described.as_strategy(GenerationMode.POSITIVE, path_parameters=there),
        described.as_strategy(GenerationMode.POSITIVE),
        described.as_strategy(GenerationMode.NEGATIVE, path_parameters=there),
    )

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy, role=st.sampled_from(sorted(ROLES)))
    def ask(case: schemathesis.Case[Any], role: str) -> None:
        token = ROLES[role].token
        headers = {"Authorization": f"token {token}"} if token else {}
        response = case.call(f"http://127.0.0.1:{site.port}{PREFIX.rstrip('/')}", headers=headers)
        is_fault = response.status_code >= 500 and response.status_code not in AWAY
        assert not is_fault, (role, case.as_curl_command(), response.text)
        case.validate_response(response, checks=DESCRIBED)

    ask()


def read_parameters(template: str, path: str) -> dict[str, str] | None:
    """What stands for the parameters of a template in a path; None where it has none."""
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(template))
    match = re.fullmatch(pattern, path)
    return (match and match.groupdict()) or None
