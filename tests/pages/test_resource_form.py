"""The form with a cluster: sizes, and what the scheduler has."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from .families import CLOUD, HOUR, VEGA, inventory, partition, pools
from .form import open_advanced, open_form, select, start
from .stub import Stub
from .tasks import make_task

pytestmark = pytest.mark.asyncio(loop_scope="session")

ENGINE = {"engine": "singularity", "runtime": ""}
ASKED = ("partition", "cpus", "memory", "time", "gpus", "gpu_type", "account", "qos")


async def test_sizes_in_words(page: Page, stub: Stub) -> None:
    stub.put(make_task())
    await open_form(page)
    sizes = page.locator(".size-choice")
    await expect(sizes.locator(".size-name")).to_have_text(["Small", "Medium", "Large, with GPUs"])
    await expect(sizes.locator(".size-text")).to_have_text(
        [
            "2 cores · 4 GB · 2 h",
            "8 cores · 32 GB · 8 h",
            "32 cores · 128 GB · 2 a100 GPUs · 1 d",
        ]
    )
    await expect(page.get_by_label("Partition")).to_be_hidden()
    await page.get_by_role("radio", name="Small").focus()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("radio", name="Medium")).to_be_checked()
    assert await start(page, stub) == {"computing": "vega", "size": "medium"} | ENGINE


async def test_a_resource_without_sizes_or_queue_is_as_ever(page: Page, stub: Stub) -> None:
    stub.put(make_task())
    await open_form(page)
    await page.get_by_label("Computing resource").select_option("local")
    await expect(page.get_by_role("button", name="Simple")).to_be_hidden()
    await expect(page.get_by_label("Time limit")).to_be_hidden()
    await page.get_by_label("CPUs").fill("0.5")
    task = await start(page, stub)
    assert task["cpus"] == "0.5"
    assert task.keys() == {"computing", "cpus", "memory", "engine", "runtime"}


async def test_the_defaults_are_filled_in(page: Page, stub: Stub) -> None:
    await open_advanced(page, stub)
    await expect(select(page, "Partition")).to_have_value("main")
    await expect(page.get_by_role("radio", name="Small")).to_be_hidden()
    task = await start(page, stub)
    assert {key: task[key] for key in ASKED if key in task} == {
        "partition": "main",
        "cpus": "2",
        "memory": "4G",
        "time": "2h",
        "account": "astro",
        "qos": "",
    }
    assert "size" not in task


async def test_choices_follow_the_partition(page: Page, stub: Stub) -> None:
    await open_advanced(page, stub)
    partitions, account, qos = (select(page, name) for name in ("Partition", "Account", "QoS"))
    await expect(partitions.locator("option")).to_have_text(
        ["main · 12 of 64 cores idle", "gpu · 12 of 64 cores idle", "old · drain"]
    )
    assert await partitions.locator("option").last.evaluate("one => one.disabled")
    await expect(page.locator("#partition-hint")).to_contain_text("1 of 4 nodes idle, as of ")
    await expect(account.locator("option")).to_have_text(["astro", "teaching"])
    await expect(qos.locator("option")).to_have_text(["Default", "normal", "long"])
    await expect(page.locator("#gpus-limit")).to_have_text("None in main")
    await expect(page.get_by_label("GPUs", exact=True)).to_be_disabled()
    await account.select_option("teaching")
    await expect(qos.locator("option")).to_have_text(["Default", "normal"])

    await partitions.select_option("gpu")
    await expect(account.locator("option")).to_have_text(["astro"])
    await expect(qos.locator("option")).to_have_text(["Default", "normal", "long", "gpu"])
    kinds = select(page, "GPU type")
    await expect(kinds.locator("option")).to_have_text(
        ["Any type", "a100 · 3 of 8 idle", "v100 · 0 of 4 idle"]
    )
    await expect(page.locator("#gpus-limit")).to_have_text("Up to 4 on a node")
    await kinds.select_option("v100")
    await expect(page.get_by_label("GPUs", exact=True)).to_have_value("1")
    await expect(page.locator("#gpus-limit")).to_have_text("Up to 2 on a node")
    await expect(page.locator("#gpu-type-hint")).to_have_text("0 of 4 idle")
    task = await start(page, stub)
    assert [task[key] for key in ("gpus", "gpu_type", "partition")] == ["1", "v100", "gpu"]


async def test_limits_are_those_of_partition_qos_and_resource(page: Page, stub: Stub) -> None:
    await open_advanced(page, stub)
    time, limit = page.get_by_label("Time limit"), page.locator("#time-limit")
    await expect(limit).to_have_text("Up to 1 d in main")
    await expect(page.locator("#cpus-limit")).to_have_text("Up to 16 in main")
    await expect(page.locator("#memory-limit")).to_have_text("Up to 64 GB in main")
    await time.fill("1d 12h")
    await expect(limit).to_have_text("At most 1 d in main.")
    await page.get_by_role("button", name="Start").click()
    assert stub.spawned == []

    await select(page, "Partition").select_option("gpu")
    await expect(limit).to_have_text("Up to 3 d")
    await select(page, "QoS").select_option("normal")
    await expect(limit).to_have_text("At most 8 h with normal.")
    await expect(page.locator("#cpus-limit")).to_have_text("Up to 8 with normal")
    await select(page, "QoS").select_option("gpu")
    assert (await start(page, stub))["time"] == "1d 12h"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", "At least 1 min: write a time such as 90m, 2h or 1d 12h."),
        ("soon", "Write a time such as 90m, 2h or 1d 12h."),
        ("90m", "Up to 1 d in main"),
        ("7200", "Up to 1 d in main"),
        ("86401", "At most 1 d in main."),
        ("", "Up to 1 d in main"),
    ],
)
async def test_times_as_users_write_them(page: Page, stub: Stub, text: str, value: str) -> None:
    await open_advanced(page, stub)
    await expect(select(page, "Partition")).to_have_value("main")
    await page.get_by_label("Time limit").fill(text)
    await expect(page.locator("#time-limit")).to_have_text(value)


async def test_a_slow_cluster_holds_nobody_up(page: Page, stub: Stub) -> None:
    stub.inventory_ready.clear()
    await open_advanced(page, stub)
    line = page.locator("#inventory-line")
    await expect(line).to_have_text("Asking Vega what is idle…")
    await page.get_by_label("CPUs").fill("20")
    await expect(page.locator("#cpus-limit")).to_have_text("Up to 64")
    await page.get_by_role("textbox", name="Partition").fill("gpu")
    stub.inventory_ready.set()
    await expect(line).to_be_hidden()
    # What was written is chosen, and the focus stays on what has taken the field's place.
    await expect(select(page, "Partition")).to_have_value("gpu")
    await expect(select(page, "Partition")).to_be_focused()
    await expect(page.get_by_label("CPUs")).to_have_value("20")


async def test_without_an_inventory_the_fields_are_plain(page: Page, stub: Stub) -> None:
    silent = "The login node of Vega does not answer."
    nothing: dict[str, Any] = {
        "partitions": [],
        "accounts": [],
        "qos": [],
        "collected": None,
        "error": silent,
    }
    await open_advanced(page, stub, nothing)
    await expect(page.locator("#inventory-line")).to_have_text(silent)
    await page.get_by_role("textbox", name="Partition").fill("main")
    await page.get_by_role("textbox", name="QoS").fill("--evil")
    await page.get_by_role("button", name="Start").click()
    assert stub.spawned == []
    await page.get_by_role("textbox", name="QoS").fill("long")
    await page.get_by_label("GPUs", exact=True).fill("1")
    task = await start(page, stub)
    assert [task[key] for key in ("partition", "qos", "gpus", "time")] == [
        "main",
        "long",
        "1",
        "2h",
    ]


async def test_an_old_inventory_is_shown_with_the_error(page: Page, stub: Stub) -> None:
    await open_advanced(page, stub, inventory() | {"error": "Vega is silent since 14:02."})
    await expect(page.locator("#inventory-line")).to_have_text("Vega is silent since 14:02.")
    await expect(select(page, "Partition")).to_have_value("main")


async def test_a_scheduler_that_tells_little(page: Page, stub: Stub) -> None:
    unknown = {"nodes_total": 0, "cpus_total": 0, "max_cpus": None, "max_memory": None}
    partitions = [partition("batch", **unknown, max_time=None)]
    cluster = inventory() | {"partitions": partitions, "accounts": [], "qos": []}
    await open_advanced(page, stub, cluster)
    await expect(select(page, "Partition").locator("option")).to_have_text(["batch"])
    await expect(page.locator("#cpus-limit")).to_have_text("Up to 64")
    await page.get_by_label("GPUs", exact=True).fill("2")
    await page.get_by_role("textbox", name="GPU type").fill("a100")
    task = await start(page, stub)
    assert [task[key] for key in ("gpus", "gpu_type", "account")] == ["2", "a100", ""]


async def test_a_cluster_where_nothing_starts(page: Page, stub: Stub) -> None:
    cluster = inventory() | {"partitions": [partition("main", state="drain")], "accounts": []}
    await open_advanced(page, stub, cluster | {"qos": []})
    result = select(page, "Partition")
    await expect(result).to_have_value("main")
    message = await result.evaluate("field => field.validationMessage")
    assert message == "Nothing starts in main now: it is drain."
    await expect(select(page, "Account")).to_be_hidden()


async def test_another_resource_starts_afresh(page: Page, stub: Stub) -> None:
    other = VEGA | {"id": "altair", "name": "Altair", "limits": {"cpus": 4, "memory": None}}
    other["time"] = {"default": HOUR, "max": 2 * HOUR}
    stub.families[0]["versions"][0]["computing"].append(other)
    stub.inventory["altair"] = inventory() | {"partitions": [partition("batch")]}
    await open_advanced(page, stub)
    await select(page, "Partition").select_option("gpu")
    await page.get_by_label("CPUs").fill("20")
    await page.get_by_label("Computing resource").select_option("altair")
    await page.get_by_role("button", name="Advanced").click()
    await expect(select(page, "Partition")).to_have_value("batch")
    await expect(page.get_by_label("Time limit")).to_have_value("1h")
    await expect(page.locator("#time-limit")).to_have_text("Up to 2 h")
    # What somebody has written stays, with the reason why it can't be.
    await expect(page.locator("#cpus-limit")).to_have_text("At most 4 here.")


@pytest.mark.parametrize("advanced", [False, True])
async def test_a_refusal_is_told_by_the_fields(page: Page, stub: Stub, advanced: bool) -> None:
    stub.spawn_error = "The partition `gpu` is closed. <b>Choose</b> another one."
    await open_advanced(page, stub)
    if advanced:
        await select(page, "Partition").select_option("gpu")
        await select(page, "QoS").select_option("long")
        await page.get_by_label("Time limit").fill("3h")
    else:
        await page.get_by_role("button", name="Simple").click()
        await page.get_by_role("radio", name="Large").check()
    await page.get_by_role("button", name="Start").click()
    alert = page.locator(".options").get_by_role("alert")
    await expect(alert).to_contain_text("The partition gpu is closed. <b>Choose</b> another one.")
    await expect(alert).to_be_focused()
    if advanced:
        await expect(select(page, "Partition")).to_have_value("gpu")
        await expect(select(page, "QoS")).to_have_value("long")
        await expect(page.get_by_label("Time limit")).to_have_value("3h")
    else:
        await expect(page.get_by_role("radio", name="Large")).to_be_checked()


# What schedulers of batch jobs have, and no pod is asked for.
BATCH = ("Partition", "GPU type", "Account", "QoS", "Constraint", "Reservation")


async def open_cloud(page: Page, stub: Stub, **changes: Any) -> None:
    """The form for a notebook on a Kubernetes cluster, after one for a cluster of batch jobs."""
    stub.put(make_task())
    stub.inventory["vega"] = inventory()
    for family in stub.families:
        for version in family["versions"]:
            version["computing"] = [*version["computing"], {**CLOUD, **changes}]
    await open_form(page)
    await page.get_by_role("button", name="Advanced").click()
    await expect(page.get_by_label("Reservation")).to_be_visible()
    await page.get_by_label("Computing resource").select_option("cloud")


async def test_pods_are_asked_for_what_kubernetes_has(page: Page, stub: Stub) -> None:
    stub.inventory["cloud"] = pools("gpu")
    await open_cloud(page, stub)
    pool = select(page, "Pool of nodes")
    await expect(pool.locator("option")).to_have_text(["Any node", "gpu"])
    for label in BATCH:
        await expect(page.get_by_label(label, exact=True)).to_be_hidden()
    await page.get_by_text("Container engine").click()
    await expect(page.get_by_label("Engine", exact=True)).to_be_hidden()
    await page.get_by_label("Runtime").select_option("kata")
    await pool.select_option("gpu")
    assert await start(page, stub) == {
        "computing": "cloud",
        "engine": "internal",
        "runtime": "kata",
        "partition": "gpu",
        "cpus": "1",
        "memory": "4G",
        "time": "",
        "gpus": "",
    }


async def test_without_pools_and_runtimes_there_is_nothing_to_choose(
    page: Page, stub: Stub
) -> None:
    await open_cloud(page, stub, engines=[{"engine": "internal", "runtimes": []}])
    await expect(page.get_by_label("Memory")).to_have_value("4G")
    for label in ("Pool of nodes", *BATCH):
        await expect(page.get_by_label(label, exact=True)).to_be_hidden()
    await expect(page.get_by_text("Container engine")).to_be_hidden()
    # The fields of the other cluster are there again.
    await page.get_by_label("Computing resource").select_option("vega")
    await page.get_by_role("button", name="Advanced").click()
    await expect(select(page, "Partition")).to_have_value("main")
    await expect(page.get_by_label("Reservation")).to_be_visible()
    await expect(page.get_by_text("Container engine")).to_be_visible()
