"""The probe as a job of a resource that has a REST API and no shell: its exit status tells all."""

import asyncio
from typing import Any

from rosetta_agent.protocol import CHECK_FAULTS, CHECK_STATUS_BASE
from rosetta_hub.check.context import CheckFailed, Context
from rosetta_hub.check.probes import POLL_INTERVAL, JobProbe
from rosetta_hub.check.spec import PULL_TIMEOUT
from rosetta_hub.resources.wms import JobEnd, Wms

# Seconds: accounting writes the end down a little later.
ACCOUNTING_LAG = 60
_MORE = "the job's exit status says no more"


class RestProbe(JobProbe):
    """Findings are known when the job has ended, and have no details."""

    def __init__(self, context: Context, wms: Wms) -> None:
        super().__init__(context, wms)
        self.spec["check"] |= {"result": None, "listen": None}
        self._findings: dict[str, Any] | None = None

    async def find(self, name: str) -> Any:
        """Wait for the job's end, and read its exit status.

        Raises:
            CheckFailed: it is none of the probe's.
        """
        if self._findings is None:
            end = await self._end()
            status = end.exit_code if end else None
            if status is None or not CHECK_STATUS_BASE <= status < CHECK_STATUS_BASE + sum(
                CHECK_FAULTS.values()
            ):
                raise CheckFailed(
                    await self._how_it_ended(),
                    "See that the nodes have the 'python' of 'conf', 3.6 or newer.",
                )
            node = end.node if end else None
            engines = self.spec["check"]["engines"]
            self._findings = read_status(status, engines, node)
        return self._findings.get(name)

    async def end(self) -> str:
        """See that the job is over, cancel it where it is not."""
        if not await self._ends_within(0):
            await self._stop()
            if not await self._ends_within(60):
                raise CheckFailed("the job is still there", "Cancel it by hand.")
        return await self._how_it_ended()

    async def _end(self) -> JobEnd | None:
        if not await self._ends_within(PULL_TIMEOUT):
            return None
        for _ in range(int(ACCOUNTING_LAG / POLL_INTERVAL)):
            if (end := await self._wms.end(self._job_id)) is not None:
                return end
            await asyncio.sleep(POLL_INTERVAL)
        return None


def read_status(status: int, engines: list[str], node: str | None) -> dict[str, Any]:
    """The probe's findings, as far as its exit status tells them."""
    faults = {name for name, bit in CHECK_FAULTS.items() if (status - CHECK_STATUS_BASE) & bit}
    engine = {"error": f"or another does not answer; {_MORE}"} if "engines" in faults else {}
    urls = {
        name: {"error": f"no answer; {_MORE}"} if name in faults else {"status": 200}
        for name in ("service", "tunnels")
    }
    return {
        "node": node or "a node",
        "engines": {name: engine or {"version": "answers"} for name in engines},
        "namespaces": {"ok": "namespaces" not in faults, "error": _MORE},
        "urls": urls,
        "image": {"error": f"not there; {_MORE}"} if "image" in faults else {},
        "container": {"error": f"does not work; {_MORE}"} if "container" in faults else {},
    }
