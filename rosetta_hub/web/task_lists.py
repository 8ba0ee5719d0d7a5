"""Pages of tasks as their reader sees them, for the API and for the dashboard."""

import asyncio
from typing import Any

from rosetta_hub.database.paging import MOST
from rosetta_hub.tasks.listing import TaskQuery
from rosetta_hub.tasks.view import TaskPage
from rosetta_hub.web.task_access import TaskAccess

# Tasks of a list that are made ready before other requests have their turn: about 5 ms.
VIEWS_IN_A_ROW = 20
# Ended tasks that a dashboard shows at first, as tasks.js knows.
ENDED_AT_FIRST = 50


async def view_page(handler: TaskAccess, task_query: TaskQuery) -> TaskPage:
    """A page of the tasks that the principal of a request sees.

    Raises:
        InvalidOptions: the cursor is none of this list.
    """
    page, views = handler.visible_tasks(task_query), []
    for number, task in enumerate(page.rows, start=1):
        views.append(handler.task_view(task))
        if number % VIEWS_IN_A_ROW == 0:
            await asyncio.sleep(0)
    return TaskPage(tasks=views, next=page.next)


async def first_lists(handler: TaskAccess) -> dict[str, Any]:
    """All active tasks, and the first page of the ended ones, as JSON for the dashboard."""
    active: list[dict[str, Any]] = []
    task_query: TaskQuery | None = TaskQuery(state=["active"], limit=MOST)
    while task_query is not None:
        page = (await view_page(handler, task_query)).model_dump(mode="json")
        active += page["tasks"]
        after = page["next"]
        task_query = task_query.model_copy(update={"after": after}) if after else None
    ended = await view_page(handler, TaskQuery(state=["ended"], limit=ENDED_AT_FIRST))
    return {"active": active, "ended": ended.model_dump(mode="json")}
