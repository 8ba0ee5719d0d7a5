"""How busy the GPUs of a task are, and how much of their memory is used: nvidia-smi is asked."""

import logging
import subprocess
import threading
import time
from typing import List, NamedTuple, Optional, Sequence

from rosetta_agent.spec import Gpus

LOG = logging.getLogger(__name__)

QUERY = (
    "nvidia-smi",
    "--query-gpu=index,uuid,utilization.gpu,memory.used,memory.total",
    "--format=csv,noheader,nounits",
)
_MEBIBYTE = 1 << 20
_INTERVAL_SECONDS = 10.0
#: A driver that hangs answers nobody; nothing else of the agent waits for it.
_QUERY_SECONDS = 30.0
_OUTDATED_SECONDS = 60.0


class Gpu(NamedTuple):
    """A GPU as nvidia-smi shows it; memory in bytes."""

    number: str
    uuid: str
    percent: float
    memory: int
    memory_total: int


class GpuUsage(NamedTuple):
    """All GPUs of a task: busy in percent of the time on average, memory in bytes together."""

    gpu_percent: float
    gpu_memory: int
    gpu_memory_total: int


def parse_gpus(text: str) -> List[Gpu]:
    """Read what QUERY prints, without GPUs that do not tell all of it, such as parts of one."""
    gpus = []
    for line in text.splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) == 5 and all(field.isdigit() for field in fields[2:]):
            percent, used, total = (int(field) for field in fields[2:])
            memory = (used * _MEBIBYTE, total * _MEBIBYTE)
            gpus.append(Gpu(fields[0], fields[1], float(percent), *memory))
    return gpus


def choose_gpus(gpus: Sequence[Gpu], request: Gpus) -> List[Gpu]:
    """Those of a task.

    A job is often shown its own ones alone, numbered from 0, whatever their numbers on the node.
    """
    if len(gpus) <= request.number:
        return list(gpus)
    if request.devices:
        return [gpu for gpu in gpus if gpu.number in request.devices or gpu.uuid in request.devices]
    return list(gpus[: request.number])


def add_up(gpus: Sequence[Gpu]) -> Optional[GpuUsage]:
    """What they use together; None without any."""
    if not gpus:
        return None
    percent = sum(gpu.percent for gpu in gpus) / len(gpus)
    used, total = sum(gpu.memory for gpu in gpus), sum(gpu.memory_total for gpu in gpus)
    return GpuUsage(percent, used, total)


class GpuMeter:
    """Asks nvidia-smi from a thread of its own, once somebody has read it."""

    def __init__(self, request: Gpus) -> None:
        self._wanted = request
        self._usage: Optional[GpuUsage] = None
        self._read_at = 0.0
        self._thread: Optional[threading.Thread] = None

    def read(self) -> Optional[GpuUsage]:
        """The last answer; None where there is none, or none of the last minute."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._read_loop, name="gpus", daemon=True)
            self._thread.start()
        is_fresh = time.monotonic() - self._read_at < _OUTDATED_SECONDS
        return self._usage if is_fresh else None

    def _read_loop(self) -> None:
        while True:
            try:
                self._usage = self._ask()
                self._read_at = time.monotonic()
            except FileNotFoundError:
                LOG.info("there is no nvidia-smi: the use of GPUs is not known")
                return
            except (OSError, subprocess.SubprocessError) as error:
                LOG.warning("nvidia-smi: %s", error)
            time.sleep(_INTERVAL_SECONDS)

    def _ask(self) -> Optional[GpuUsage]:
        answer = subprocess.check_output(
            QUERY, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=_QUERY_SECONDS
        )
        return add_up(choose_gpus(parse_gpus(answer.decode("ascii", "replace")), self._wanted))
