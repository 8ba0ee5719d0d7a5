"""CPU and memory that pods use, from the metrics API (metrics.k8s.io/v1beta1) where there is one.

It tells how many cores were busy over the last half minute or so. Reports have CPU seconds, which
only grow: they are summed up here from one answer to the next.
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.kubernetes.client import ApiRefused, KubernetesClient
from rosetta_hub.kubernetes.quantities import parse_quantity
from rosetta_hub.resources.kubernetes.pod import CONTAINER
from rosetta_hub.resources.kubernetes.states import parse_time

log = logging.getLogger(__name__)

Document = dict[str, Any]

# Seconds between two questions, and for how long an answer counts.
INTERVAL = 60.0
LONGEST_AGE = 200.0
# Seconds until a cluster without metrics, or without the right to see them, is asked again.
PAUSE = 600.0
_SPAN = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:([\d.]+)s)?")


@dataclass(frozen=True)
class Sample:
    """What a container used: cores over the `span` of seconds before `ended`, and bytes."""

    ended: datetime
    span: float
    cpus: float
    memory: int


@dataclass
class _Use:
    sample: Sample
    heard: float
    seconds: float
    base: float | None = None
    """CPU seconds that were known before; None: nobody has asked yet."""


class PodUsage:
    """What the pods of a namespace use, as one list a round keeps it known.

    `on_refresh` is called after each list.
    """

    def __init__(
        self,
        client: KubernetesClient,
        namespace: str,
        selector: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods"
        self._selector = selector
        self._clock = clock
        self._uses: dict[str, _Use] = {}
        self.on_refresh: Callable[[], None] = _ignore

    async def run(self, has_pods: Callable[[], bool]) -> None:
        """Ask again and again while `has_pods`, which may raise ResourceUnavailable."""
        while True:
            is_answered = True
            try:
                is_answered = not has_pods() or await self.refresh()
            except ResourceUnavailable as error:
                log.info("%s: %s", self._path, error)
            except Exception:
                log.exception("%s could not be read", self._path)
            await asyncio.sleep(INTERVAL if is_answered else PAUSE)

    async def refresh(self) -> bool:
        """Ask once; returns whether the cluster has metrics that the account may see.

        Raises:
            ResourceUnavailable: the server has not answered.
        """
        query = {"labelSelector": self._selector}
        try:
            answer = await self._client.call("GET", self._path, query=query)
        except ApiRefused as error:
            log.info("%s: no metrics: %s", self._path, error)
            return False
        now = self._clock()
        samples = parse_metrics(answer.get("items") or [])
        self._uses = {name: self._add(name, sample, now) for name, sample in samples.items()}
        self.on_refresh()
        return True

    def _add(self, name: str, sample: Sample, now: float) -> _Use:
        before = self._uses.get(name)
        if before is None:
            return _Use(sample, now, sample.cpus * sample.span)
        passed = (sample.ended - before.sample.ended).total_seconds()
        if passed <= 0:
            # Nothing new; it gets old.
            return before
        return _Use(sample, now, before.seconds + sample.cpus * passed, before.base)

    def report(self, name: str, cpu_seconds: float | None) -> Document | None:
        """The `usage` of a pod's report; None where it is not known now.

        `cpu_seconds` are the CPU seconds of earlier reports, on which it goes on.
        """
        use = self._uses.get(name)
        if use is None or self._clock() - use.heard > LONGEST_AGE:
            return None
        if use.base is None:
            use.base = cpu_seconds or 0.0
        return {"cpu_seconds": use.base + use.seconds, "memory": use.sample.memory}


def _ignore() -> None:
    pass


def parse_metrics(items: Iterable[Document]) -> dict[str, Sample]:
    """The samples of the containers in which tasks run, by pod; what can't be read is left out."""
    samples = {}
    for item in items:
        sample = _parse_item(item)
        if sample is not None:
            samples[str(item["metadata"]["name"])] = sample
    return samples


def _parse_item(item: Document) -> Sample | None:
    containers: list[Document] = item.get("containers") or []
    usages = [
        container.get("usage") or {}
        for container in containers
        if container.get("name") == CONTAINER
    ]
    usage = usages[0] if usages else {}
    try:
        ended = parse_time(item.get("timestamp"))
        cpus, memory = parse_quantity(usage["cpu"]), parse_quantity(usage["memory"])
    except (KeyError, ValueError):
        return None
    if ended is None or min(cpus, memory) < 0:
        return None
    return Sample(ended, _parse_span(str(item.get("window") or "")), cpus, round(memory))


def _parse_span(text: str) -> float:
    """A duration of Go, such as `1m0.5s`, in seconds; 0 where it is none."""
    match = _SPAN.fullmatch(text)
    if match is None:
        return 0
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds
