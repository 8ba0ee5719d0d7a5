"""Slurm's complaints at submit: which are a no, and what they mean."""

import pytest

from rosetta_hub.resources.slurm.refusals import is_refusal, is_refused_error, refusal_message
from rosetta_hub.resources.wms import JobRequest

REQUEST = JobRequest("a", partition="main", account="science", qos="high", reservation="course")
FAILED = "sbatch: error: Batch job submission failed: "


@pytest.mark.parametrize(
    ("words", "begins"),
    [
        (
            "Invalid account or account/partition combination specified",
            "The account `science` can't be used in the partition `main`.",
        ),
        ("Partition in DOWN state", "The partition `main` is closed."),
        (
            "Required partition not available (inactive or drain)",
            "The partition `main` is closed.",
        ),
        (
            "Requested time limit is invalid (missing or exceeds some limit)",
            "The time limit is longer than is allowed in the partition `main`.",
        ),
        (
            "Requested partition configuration not available now",
            "The partition `main` does not allow what was asked for",
        ),
        (
            "Node count specification invalid",
            "Slurm refused the job: Node count specification invalid",
        ),
        (
            "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
            "A limit of the account `science` or of the QoS `high` is reached",
        ),
        (
            "User's group not permitted to use this partition",
            "Your groups may not use the partition `main`.",
        ),
        ("Access denied to requested reservation", "The reservation `course` is not yours."),
        (
            "I/O error writing script/environment to file",
            "The cluster's controller could not store the job",
        ),
        ("Invalid generic resource (gres) specification", "The partition `main` has no such GPUs."),
        (
            "Pathname of a file, directory or other parameter too long",
            "The job is larger than what the cluster takes.",
        ),
        ("Something that nobody has seen", "Slurm refused the job: Something that nobody has seen"),
    ],
)
def test_refused(words: str, begins: str) -> None:
    stderr = f"{FAILED}{words}\n"
    assert is_refusal(stderr)
    assert is_refused_error([words])
    message = refusal_message(stderr, REQUEST)
    assert message.startswith(begins)
    assert words in message


def test_words_of_the_sites_own_checks_are_kept() -> None:
    stderr = f"sbatch: error: Please name a project with --comment.\n{FAILED}Unspecified error\n"
    assert is_refusal(stderr)
    assert refusal_message(stderr, REQUEST) == (
        "Slurm refused the job: Please name a project with --comment.; Unspecified error"
    )


@pytest.mark.parametrize(
    "stderr",
    [
        "sbatch: unrecognized option '--nonsense'\nTry \"sbatch --help\" for more information\n",
        "sbatch: error: Invalid --time specification\n",
    ],
)
def test_options_that_sbatch_does_not_understand(stderr: str) -> None:
    assert is_refusal(stderr)


@pytest.mark.parametrize(
    "stderr",
    [
        "",
        "Connection to login closed by remote host.\n",
        f"{FAILED}Unable to contact slurm controller (connect failure)\n",
        f"{FAILED}Socket timed out on send/recv operation\n",
        f"{FAILED}Zero Bytes were transmitted or received\n",
        f"{FAILED}Slurm backup controller in standby mode\n",
        f"{FAILED}Protocol authentication error\n",
        f"{FAILED}Unable to create job record, try again\n",
        "sbatch: error: If munged is up, restart with --num-threads=10\n"
        'sbatch: error: Munge encode failed: Failed to access "/run/munge/munge.socket.2"\n',
        "sbatch: fatal: Could not establish a configuration source\n",
        "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying\n",
    ],
)
def test_no_answer_is_no_refusal(stderr: str) -> None:
    assert not is_refusal(stderr)


@pytest.mark.parametrize(
    "errors",
    [
        [],
        [""],
        ["Unable to contact slurm controller (connect failure)"],
        ["Unspecified error", "Socket timed out on send/recv operation"],
    ],
)
def test_errors_of_slurmrestd_that_are_no_refusal(errors: list[str]) -> None:
    assert not is_refused_error(errors)


def test_sentences_without_names() -> None:
    words = f"{FAILED}Invalid qos specification\n"
    assert refusal_message(words, JobRequest("a")) == (
        "Your QoS can't be used with your account in this partition. Choose another QoS."
        " (Slurm: Invalid qos specification)"
    )


def test_partition_of_the_administrators_options_is_named() -> None:
    words = (
        "sbatch: error: invalid partition specified: fast\n"
        "sbatch: error: Batch job submission failed: Invalid partition name specified\n"
    )
    result = refusal_message(words, JobRequest("rosetta-1"))
    assert result.startswith("There is no partition `fast`. Choose another one.")
