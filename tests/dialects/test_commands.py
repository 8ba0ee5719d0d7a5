"""Tables: every option of a request in every scheduler's words."""

import subprocess
import sys
from pathlib import Path

import pytest

from rosetta_hub.resources.dialects.batch_wms import DIALECTS
from rosetta_hub.resources.dialects.dialect import wrap_for_shell
from rosetta_hub.resources.wms import JobRefused, JobRequest

FULL = JobRequest(
    name="rosetta-0a1b2c3d-task-1",
    cpus=4,
    memory=6 << 30,
    time_limit=5400,
    partition="long",
    account="astro",
    qos="high",
    gpus=2,
    gpu_type="a100",
    constraint="fast",
    reservation="res7",
    extra=("-extra", "value"),
)
PBS = "-N rosetta-0a1b2c3d-task-1 -C  -j oe -o /dev/null -r n -q long -A astro"
TABLE = {
    "torque": f"qsub {PBS} -l nodes=1:ppn=4:gpus=2:a100:fast -l mem=6442450944b -l walltime=5400"
    " -l qos=high -l advres=res7 -extra value",
    "moab": f"msub {PBS} -l nodes=1:ppn=4:gpus=2:a100:fast -l mem=6442450944b -l walltime=5400"
    " -l qos=high -l advres=res7 -extra value",
    "pbs": f"qsub {PBS} -l select=1:ncpus=4:mem=6442450944b:ngpus=2:fast -l walltime=5400 -q res7"
    " -extra value",
    "sge": "qsub -terse -N rosetta-0a1b2c3d-task-1 -C  -S /bin/sh -j yes -o /dev/null -r no -w n"
    " -l h_rt=5400 -l mem_free=1572864K -l gpu=2 -l fast -q long -P astro -ar res7 -pe smp 4"
    " -extra value",
    "lsf": "bsub -J rosetta-0a1b2c3d-task-1 -o /dev/null -rn -n 4 -R span[hosts=1] -M 6144MB"
    " -R rusage[mem=6144MB] -gpu num=2:gmodel=a100 -R select[fast] -W 90 -q long -P astro -U res7"
    " -extra value",
    "condor": "condor_submit -",
}


@pytest.mark.parametrize("name", DIALECTS)
def test_submit_command_with_every_option(name: str) -> None:
    assert " ".join(DIALECTS[name]().build_submit_command(FULL)) == TABLE[name]


SMALL = "rosetta-1"
DEFAULTS = {
    "torque": "qsub -N rosetta-1 -C  -j oe -o /dev/null -r n -l nodes=1:ppn=1",
    "moab": "msub -N rosetta-1 -C  -j oe -o /dev/null -r n -l nodes=1:ppn=1",
    "pbs": "qsub -N rosetta-1 -C  -j oe -o /dev/null -r n -l select=1:ncpus=1",
    "sge": "qsub -terse -N rosetta-1 -C  -S /bin/sh -j yes -o /dev/null -r no -w e",
    "lsf": "bsub -J rosetta-1 -o /dev/null -rn -n 1 -R span[hosts=1]",
    "condor": "condor_submit -",
}


@pytest.mark.parametrize("name", DIALECTS)
def test_submit_command_with_no_option(name: str) -> None:
    assert " ".join(DIALECTS[name]().build_submit_command(JobRequest(SMALL))) == DEFAULTS[name]


def test_condor_description() -> None:
    text = DIALECTS["condor"]().build_submit_input(FULL, "")
    assert text.splitlines() == [
        "universe = vanilla",
        "executable = .rosetta-hub/jobs/rosetta-0a1b2c3d-task-1",
        "transfer_executable = true",
        "should_transfer_files = if_needed",
        "batch_name = rosetta-0a1b2c3d-task-1",
        "request_cpus = 4",
        "request_memory = 6144MB",
        "request_gpus = 2",
        "requirements = (fast)",
        "accounting_group = astro",
        "allowed_execute_duration = 5400",
        "periodic_remove = NumJobStarts > 0 && (JobStatus == 1 || JobStatus == 5)",
        "log = /dev/null",
        "-extra",
        "value",
        "queue",
    ]


def test_sge_parallel_environment_of_the_administrator() -> None:
    request = JobRequest(name="x", cpus=4, extra=("-pe", "openmp", "-V"))
    assert DIALECTS["sge"]().build_submit_command(request)[-4:] == ["-pe", "openmp", "4", "-V"]


ATTRIBUTES = (
    "ClusterId,ProcId,JobBatchName,Owner,JobStatus,HoldReason,HoldReasonCode,LastHoldReasonCode,"
    "RemoteHost,LastRemoteHost,JobCurrentStartDate,AllowedExecuteDuration,ExitCode,RemoveReason,"
    "LastVacateTime,NumJobStarts"
)
FIELDS = (
    "jobid job_name user stat queue exec_host pend_reason exit_code exit_reason"
    " run_time runtimelimit"
)
QUERIES = {
    "torque": (["qstat", "-x"], ["qstat", "-x", "7"], ["qdel", "7"]),
    "moab": (["mdiag", "-j", "--xml"], ["showq", "-c", "--xml"], ["mjobctl", "-c", "7"]),
    "pbs": (["qstat", "-f"], ["qstat", "-fx", "7"], ["qdel", "7"]),
    "sge": (["qstat", "-xml", "-r", "-u", "alice,bob"], ["qacct", "-j", "7"], ["qdel", "7"]),
    "lsf": (
        ["bjobs", "-a", "-o", FIELDS, "-json", "-u", "all"],
        ["bjobs", "-a", "-o", FIELDS, "7", "-json"],
        ["bkill", "7"],
    ),
    "condor": (
        [
            *("condor_q", "-allusers", "-constraint", 'Owner == "alice" || Owner == "bob"'),
            *("-json", "-attributes", ATTRIBUTES),
        ],
        ["condor_history", "7", "-limit", "1", "-json", "-attributes", ATTRIBUTES],
        ["condor_rm", "7"],
    ),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_queries(name: str) -> None:
    dialect = DIALECTS[name]()
    assert (
        dialect.build_jobs_command(["alice", "bob"]),
        dialect.build_end_command("7"),
        dialect.build_cancel_command("7"),
    ) == QUERIES[name]


@pytest.mark.parametrize(
    ("name", "field"),
    [("pbs", "qos"), ("sge", "gpu_type"), ("lsf", "qos"), ("condor", "partition")],
)
def test_what_a_scheduler_has_no_word_for_is_refused(name: str, field: str) -> None:
    request = JobRequest("x", **{field: "y"})  # type: ignore[arg-type]
    with pytest.raises(JobRefused, match=field.replace("_", " ")):
        DIALECTS[name]().check_request(request)


def test_wrapped_script_is_shell_and_python(tmp_path: Path) -> None:
    script = f"#!{sys.executable} -I\n'''Text.'''\nimport sys\nprint(sys.argv[1:])\n"
    path = tmp_path / "script"
    path.write_text(wrap_for_shell(script))
    assert path.read_text().startswith("#!/bin/sh\n")
    for interpreter in ("/bin/sh", sys.executable):
        command = [interpreter, str(path), "a b"]
        process = subprocess.run(command, capture_output=True, text=True, timeout=20)
        assert process.stdout == "['a b']\n", process.stderr


def test_other_scripts_are_left_alone() -> None:
    assert wrap_for_shell("#!/bin/bash\ntrue\n") == "#!/bin/bash\ntrue\n"


@pytest.mark.system
def test_the_hub_never_loads_batchspawners_message_handler() -> None:
    program = (
        "import sys, rosetta_hub, rosetta_hub.hub.setup, rosetta_spawners;"
        "loaded = [name for name in sys.modules if name.startswith('batchspawner')];"
        "assert not loaded, loaded"
    )
    process = subprocess.run(
        [sys.executable, "-c", program], timeout=60, capture_output=True, text=True
    )
    assert (process.returncode, process.stderr) == (0, "")
