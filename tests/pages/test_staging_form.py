"""Inputs and outputs of a task: in the form, and in links."""

import pytest
from playwright.async_api import Page, expect

from .form import open_form, start
from .stub import Stub
from .tasks import make_task

pytestmark = pytest.mark.asyncio(loop_scope="session")

INPUTS, OUTPUTS = "Fetched before the task starts", "Stored when it has ended"


async def test_lines_are_sent_and_empty_fields_are_not(page: Page, stub: Stub) -> None:
    stub.put(make_task())
    await open_form(page, "local")
    await expect(page.get_by_label(INPUTS)).to_be_hidden()
    await page.get_by_text("Inputs and outputs").click()
    await page.get_by_label(INPUTS).fill("archive:a home:\narchive:b home:")
    task = await start(page, stub)
    assert task["inputs"].split() == ["archive:a", "home:", "archive:b", "home:"]
    assert "outputs" not in task


async def test_a_link_may_name_them(page: Page, stub: Stub) -> None:
    stub.put(make_task())
    await page.goto(
        "/hub/spawn?software=jupyter-notebook&computing=local&outputs=home:r%20archive:r"
    )
    await expect(page.get_by_label(OUTPUTS)).to_have_value("home:r archive:r")
    task = await start(page, stub)
    assert task["outputs"] == "home:r archive:r"
    assert "inputs" not in task
