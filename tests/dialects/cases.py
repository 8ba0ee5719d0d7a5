"""Each scheduler with its fake: commands, words, and how a job is kept from starting."""

from dataclasses import dataclass, field, replace

from rosetta_hub.resources.dialects.batch_wms import DIALECTS
from rosetta_hub.resources.wms import JobRequest


@dataclass(frozen=True)
class Case:
    """One scheduler as the tests use it."""

    name: str
    commands: tuple[str, ...]
    held: dict[str, object] = field(default_factory=lambda: {"partition": "held"})
    refused: dict[str, object] = field(default_factory=lambda: {"partition": "nosuch"})
    refusal: str = ""
    reason: str = "JobHeld"
    seconds: int = 1
    """Of a time limit of `seconds`, the fake makes one second."""

    def request(self, name: str, **options: object) -> JobRequest:
        """A request for a job of that name."""
        return replace(JobRequest(name=name), **options)  # type: ignore[arg-type]


PBS = ("qsub", "qstat", "qdel")
CASES = {
    case.name: case
    for case in (
        Case("torque", PBS, refusal="Unknown queue"),
        Case("pbs", PBS, refusal="Unknown queue"),
        Case(
            "moab",
            ("msub", "mdiag", "showq", "mjobctl"),
            refusal="invalid class",
            reason="UserHold",
        ),
        Case("sge", (*PBS, "qacct", "qconf"), refusal='unknown queue "nosuch"'),
        Case(
            "lsf",
            ("bsub", "bjobs", "bkill", "bqueues"),
            refusal="No such queue",
            seconds=60,
        ),
        Case(
            "condor",
            ("condor_submit", "condor_q", "condor_history", "condor_rm", "condor_version"),
            held={"extra": ("hold = true",)},
            refused={"extra": ("bad = +",)},
            refusal="Parse error",
            reason="submitted on hold at user's request",
        ),
    )
}
assert set(CASES) == set(DIALECTS)
