"""What the pages offer to each role is what the API lets it do, and nothing else.

`tests/rights` shows that the API refuses the rest, by the same rights.
"""

import re
from types import SimpleNamespace
from typing import Any, cast

import pytest
from playwright.async_api import Page, expect

from rosetta_hub.database.models import Task, TaskState
from rosetta_hub.tasks.principal import Principal
from rosetta_hub.web.api_handlers import describe_api
from tests.rights.roles import ROLES, SERVER, Role
from tests.support.rights import read_right

from .stub import PREFIX, Stub
from .tasks import failed, make_task, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATHS = describe_api(PREFIX)["paths"]
# Of the tasks of alice: by state the buttons, and what each of them calls.
BUTTONS = {
    TaskState.RUNNING: {"Stop": ("post", "/api/v1/tasks/{task}/stop")},
    TaskState.FAILED: {
        "Start again": ("post", "/api/v1/tasks/{task}/start"),
        "Delete": ("delete", "/api/v1/tasks/{task}"),
    },
}
LOG = ("get", "/api/v1/tasks/{task}/log")
USERS = ("owner", "guest of a share", "admin")


def may(role: Role, operation: tuple[str, str]) -> bool:
    """Whether the role has the right that the API's description names."""
    method, path = operation
    right = read_right(PATHS[path][method]["x-right"])
    assert right is not None
    return role.has(right)


def view(role: Role, state: TaskState) -> dict[str, Any]:
    """A task of alice's in that state, as the service shows it to the role."""
    row = cast(Task, SimpleNamespace(user="alice", server_name=SERVER, state=state))
    model = role.model
    assert model is not None
    can = Principal.from_model(model).rights(row).model_dump()
    result = running() if state is TaskState.RUNNING else failed("It is over.", [])
    changes = result | {"id": "a1" if state is TaskState.RUNNING else "a2", "can": can}
    return make_task(server_name=SERVER, user="alice") | changes


@pytest.mark.parametrize("name", USERS)
async def test_buttons_of_a_task(page: Page, stub: Stub, name: str) -> None:
    role = ROLES[name]
    stub.user, stub.is_admin = role.name, role.admin
    for state, buttons in BUTTONS.items():
        task = stub.put(view(role, state))
        await page.goto(PREFIX)
        row = page.locator(f".task-row[data-task={task['id']}]")
        await expect(row).to_be_visible()
        await offers(row.get_by_role("link", name=re.compile("^Log ")), may(role, LOG))
        for text, operation in buttons.items():
            await offers(row.get_by_role("button", name=f"{text} "), may(role, operation))
        await page.goto(f"{PREFIX}tasks/{task['id']}?stay")
        await expect(page.locator("#details dd").first).to_be_visible()
        await offers(page.locator("#log-panel"), may(role, LOG))
        for text, operation in buttons.items():
            button = page.locator("#actions").get_by_role("button", name=text, exact=True)
            await offers(button, may(role, operation))
    admin = page.get_by_role("navigation", name="Main").get_by_role("link", name="Admin")
    await offers(admin, may(role, ("get", "/api/v1/admin/audit")))


async def offers(locator: Any, is_offered: bool) -> None:
    """The page shows it, or does not."""
    await expect(locator).to_be_visible(visible=is_offered)
