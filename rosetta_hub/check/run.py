"""Runs the checks of a resource, in order, and shows what came of them."""

import json
import time
from collections.abc import Callable, Iterable

from rosetta_hub.catalogue.computing_conf import SlurmRestConf
from rosetta_hub.check.contact import check_authentication, check_host_key, check_scheduler
from rosetta_hub.check.context import C, Check, CheckFailed, CheckSkipped, Context, Result
from rosetta_hub.check.network import check_interface_access, check_throughput
from rosetta_hub.check.node import (
    check_clock,
    check_container,
    check_dial,
    check_engines,
    check_image,
    check_namespaces,
    check_python,
    check_service,
)
from rosetta_hub.check.probes import HostProbe, JobProbe
from rosetta_hub.check.rest_probe import RestProbe
from rosetta_hub.check.task_files import check_task_files
from rosetta_hub.errors import RosettaError

JOB = "job"


async def check_job(context: Context) -> str:
    """A tiny job is submitted and runs; without a scheduler, the probe itself is started."""
    if context.wms is not None and isinstance(context.computing.conf, SlurmRestConf):
        context.probe = RestProbe(context, context.wms)
    elif context.wms is not None:
        context.probe = JobProbe(context, context.wms)
    else:
        context.probe = HostProbe(context)
    return await context.probe.start()


async def check_end(context: Context) -> str:
    """The job ends, and nothing of it is left."""
    if context.probe is None:
        raise CheckSkipped("nothing was started")
    return await context.probe.end()


CONTACT_CHECKS = (
    Check[Context](
        "host key", check_host_key, advice="See that host and port are right, and sshd runs."
    ),
    Check[Context](
        "authentication",
        check_authentication,
        ("host key",),
        "See that host and port are right, and that sshd answers.",
    ),
)
CHECKS = (
    *CONTACT_CHECKS,
    Check[Context](
        "scheduler",
        check_scheduler,
        ("authentication",),
        "See that the scheduler's daemons run, and that the account may ask them.",
    ),
    Check[Context](
        JOB,
        check_job,
        ("authentication", "scheduler"),
        "See whether a job can be submitted by hand, as this account.",
    ),
    Check[Context]("hub to node", check_interface_access, (JOB,)),
    Check[Context]("throughput", check_throughput, ("hub to node",), "Run the check again."),
    Check[Context]("python", check_python, (JOB,)),
    Check[Context]("engines", check_engines, (JOB,)),
    Check[Context]("namespaces", check_namespaces, (JOB,)),
    Check[Context]("node to service", check_service, (JOB,)),
    Check[Context]("node to tunnels", check_dial, (JOB,)),
    Check[Context]("clock", check_clock, (JOB,)),
    Check[Context]("image", check_image, ("engines",)),
    Check[Context]("container", check_container, ("image",)),
    Check[Context]("files of tasks", check_task_files, ("image",)),
)
# Always done, whatever has failed before.
CLEANUP = Check[Context](
    "cleanup", check_end, (), "See what is left of the job, and remove it by hand."
)


async def run_checks(context: Context, report: Callable[[Result], None]) -> list[Result]:
    """All checks of a resource; `report` gets each result as it comes."""
    results: list[Result] = []
    try:
        for check in CHECKS:
            results.append(await run_check(check, context, results))
            report(results[-1])
    finally:
        results.append(await run_check(CLEANUP, context, results))
        report(results[-1])
    return results


async def run_check(check: Check[C], context: C, earlier: Iterable[Result]) -> Result:
    """One check, or why it was left out."""
    failed = [
        result.name
        for result in earlier
        if result.name in check.needs and result.status == "failed"
    ]
    blocked = failed or [
        result.name
        for result in earlier
        if result.name in check.needs
        and result.status == "skipped"
        and result.text.startswith("needs ")
    ]
    if blocked:
        return Result(check.name, "skipped", 0, f"needs '{blocked[0]}', which did not work")
    started = time.monotonic()
    try:
        text = await check.run(context)
        return Result(check.name, "ok", time.monotonic() - started, text)
    except CheckSkipped as skipped:
        return Result(check.name, "skipped", time.monotonic() - started, str(skipped))
    except CheckFailed as failure:
        took = time.monotonic() - started
        return Result(check.name, "failed", took, str(failure), failure.advice or check.advice)
    except (RosettaError, OSError) as error:
        return Result(check.name, "failed", time.monotonic() - started, str(error), check.advice)


MARKS = {"ok": "ok", "failed": "FAILED", "skipped": "-"}


def format_result(result: Result) -> str:
    """A line of the table, and one with what to do."""
    seconds = f"{result.seconds:.1f} s" if result.status != "skipped" else ""
    line = f"  {MARKS[result.status]:<7}{result.name:<17}{seconds:>8}  {result.text}"
    return f"{line}\n{'':34}-> {result.advice}" if result.advice else line


def format_json(reports: dict[str, list[Result]]) -> str:
    """All results, by resource."""
    return json.dumps(
        {
            name: {"ok": is_good(results), "checks": [vars(result) for result in results]}
            for name, results in reports.items()
        },
        indent=2,
    )


def is_good(results: Iterable[Result]) -> bool:
    """Whether nothing failed."""
    return all(result.status != "failed" for result in results)
