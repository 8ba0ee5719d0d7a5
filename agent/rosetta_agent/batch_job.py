"""What an agent that runs inside a batch job knows about that job.

Slurm tells most in the environment. Other schedulers tell less: then there is no time limit
here, and the service knows it from the scheduler.
"""

import fnmatch
import os
import time
from typing import Dict, Mapping, NamedTuple, Optional, Sequence, Tuple

from rosetta_agent.spec import AgentSpec, Gpus

#: Variables of schedulers, and of what they start; some are secrets, none is the container's.
_PREFIXES = (
    *("SLURM", "SBATCH", "SRUN", "SALLOC", "SPANK", "_SLURM", "PMI_", "PMIX_", "PBS_", "SGE_"),
    *("LSB_", "LSF_", "LS_", "_CONDOR_", "BATCH_", "MOAB_"),
)
#: These would add variables to containers that have a closed environment.
_HANDED_ON = ("APPTAINERENV_", "SINGULARITYENV_")
#: A job that starts is this many seconds old at most, where the node's clock is right.
_OLDEST_START = 3600.0
#: Schedulers look at the limits of their jobs every half a minute.
_TOLERANCE = 30.0
#: Where sequences of a job begin whose scheduler does not count its restarts: late in 2025.
_EPOCH = 1760000000
_SEQUENCES_A_RUN = 10**7


class Batch(NamedTuple):
    """A batch job: when its limit is reached, and how often it was started before.

    ``ends_at`` is what the scheduler says (its own clock), ``ends`` the same moment on this
    process' monotonic clock. ``first_sequence`` is higher than that of any report of an
    earlier start. ``devices`` are the numbers of the GPUs that the job has on its node.
    """

    ends_at: Optional[float]
    ends: Optional[float]
    first_sequence: int
    devices: Tuple[str, ...]

    def remaining(self) -> Optional[float]:
        """Seconds until the time limit, None where it is not known."""
        return None if self.ends is None else self.ends - time.monotonic()

    def is_over(self) -> bool:
        """Whether a signal that comes now is that of the time limit."""
        remaining = self.remaining()
        return remaining is not None and remaining < _TOLERANCE


def parse_environment(environment: Mapping[str, str], now: float, monotonic: float) -> Batch:
    """Read the variables of the job; ``now`` is the time of this node, in seconds."""
    start = _number(environment, "SLURM_JOB_START_TIME")
    end = _number(environment, "SLURM_JOB_END_TIME")
    restarts = _number(environment, "SLURM_RESTART_COUNT")
    is_slurm = "SLURM_JOB_ID" in environment
    first = int(restarts or 0) * _SEQUENCES_A_RUN if is_slurm else int(now) - _EPOCH
    devices = environment.get("SLURM_JOB_GPUS") or environment.get("SLURM_STEP_GPUS") or ""
    return Batch(
        ends_at=end,
        ends=None if end is None else monotonic + _seconds_left(start, end, now),
        first_sequence=max(0, first),
        devices=tuple(part for part in devices.split(",") if part.isdigit()),
    )


def _seconds_left(start: Optional[float], end: float, now: float) -> float:
    """Until the end; where this node's clock cannot be right, as if the job began just now."""
    if start is not None and not -60.0 <= now - start <= _OLDEST_START:
        return end - start
    return end - now


def _number(environment: Mapping[str, str], name: str) -> Optional[float]:
    text = environment.get(name, "")
    return float(text) if text.isdigit() else None


def clean(environment: Mapping[str, str]) -> Dict[str, str]:
    """The environment for the programs that the agent starts."""
    return {
        name: environment[name]
        for name in environment
        if not name.startswith(_PREFIXES) and not name.startswith(_HANDED_ON)
    }


def select(environment: Mapping[str, str], patterns: Sequence[str]) -> Dict[str, str]:
    """The variables that the administrator passes to containers."""
    return {
        name: environment[name]
        for name in environment
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    }


def enter(spec: AgentSpec) -> Tuple[Batch, AgentSpec]:
    """Read the environment, leave it clean, and give the job what it has of the batch job.

    These are its GPUs, and the variables that are passed to the container; those of the
    software count more.
    """
    batch = parse_environment(os.environ, time.time(), time.monotonic())
    passed = select(os.environ, spec.pass_variables)
    environment = clean(os.environ)
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    if spec.gpus is not None and batch.devices:
        spec = spec._replace(gpus=Gpus(spec.gpus.number, batch.devices))
    return batch, spec._replace(batch=True, environment=dict(passed, **spec.environment))
