"""Command lines, with all their options set and with none."""

import pytest

from rosetta_hub.resources.slurm.commands import (
    build_account_tree_command,
    build_accounts_command,
    build_cancel_command,
    build_command,
    build_config_command,
    build_end_command,
    build_ended_command,
    build_extend_command,
    build_nodes_command,
    build_partitions_command,
    build_qos_command,
    build_queue_command,
    build_show_job_command,
    build_submit_command,
    build_user_name_command,
    format_time,
)
from rosetta_hub.resources.wms import JobRequest

EVERYTHING = JobRequest(
    name="rosetta-0123abcd-9f-1",
    cpus=32,
    memory=3 * 2**29 + 1,
    time_limit=2 * 86400 + 3 * 3600 + 4 * 60 + 5,
    partition="gpu",
    account="science",
    qos="high",
    gpus=2,
    gpu_type="a100",
    constraint="avx512&ib",
    reservation="course",
    extra=("--exclude=node07", "--no-requeue"),
)
FIXED = [
    "sbatch",
    "--parsable",
    "--job-name=rosetta-0123abcd-9f-1",
    "--export=NIL",
    "--output=/dev/null",
    "--error=/dev/null",
    "-D",
    "/",
    "--signal=B:TERM@60",
    "--requeue",
    "--nodes=1",
    "--ntasks=1",
]


def test_submit_with_everything() -> None:
    assert build_submit_command(EVERYTHING) == [
        *FIXED,
        "--cpus-per-task=32",
        "--mem=1537M",
        "--time=2-03:04:05",
        "--partition=gpu",
        "--account=science",
        "--qos=high",
        "--gres=gpu:a100:2",
        "--constraint=avx512&ib",
        "--reservation=course",
        "--exclude=node07",
        "--no-requeue",
    ]


def test_submit_with_the_defaults_of_the_cluster() -> None:
    assert build_submit_command(JobRequest(name="rosetta-0123abcd-9f-1")) == FIXED


@pytest.mark.parametrize(
    ("request_", "option"),
    [
        (JobRequest("a", gpus=1), "--gres=gpu:1"),
        (JobRequest("a", time_limit=60), "--signal=B:TERM@6"),
        (JobRequest("a", time_limit=3600), "--signal=B:TERM@60"),
        (JobRequest("a", memory=1), "--mem=1M"),
    ],
)
def test_submit_with_one_option(request_: JobRequest, option: str) -> None:
    assert option in build_submit_command(request_)


def test_no_gpus_are_no_option() -> None:
    command = build_submit_command(JobRequest("a", gpus=0, gpu_type="a100"))
    assert not any("gpu" in word for word in command)


@pytest.mark.parametrize(
    ("seconds", "text"), [(59, "0-00:00:59"), (60, "0-00:01:00"), (90061, "1-01:01:01")]
)
def test_times(seconds: int, text: str) -> None:
    assert format_time(seconds) == text


QUEUE_FORMAT = "--format=c0ffee|%i|%T|%u|%P|%B|%S|%e|%r|%j"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (
            build_queue_command(["alice", "bob"], "c0ffee"),
            ["squeue", "--all", "--user=alice,bob", QUEUE_FORMAT],
        ),
        (build_queue_command([], "c0ffee"), ["squeue", "--all", QUEUE_FORMAT]),
        (
            build_queue_command(["alice"], "c0ffee", "rosetta-1", ended=True),
            [
                *("squeue", "--all", "--user=alice", "--name=rosetta-1", "--states=all"),
                QUEUE_FORMAT,
            ],
        ),
        (
            build_ended_command("alice", "rosetta-1"),
            [
                *("sacct", "--allocations", "--parsable2", "--user=alice", "--name=rosetta-1"),
                "--starttime=now-14days",
                "--format=JobIDRaw,State,ExitCode,User,Partition,NodeList,JobName",
            ],
        ),
        (
            build_end_command("7"),
            [
                *("sacct", "--allocations", "--parsable2", "--jobs=7"),
                "--format=JobIDRaw,State,ExitCode,User,Partition,NodeList,JobName",
            ],
        ),
        (build_show_job_command("7"), ["scontrol", "--oneliner", "show", "job", "7"]),
        (build_user_name_command("1001"), ["id", "-nu", "1001"]),
        (build_cancel_command("7"), ["scancel", "7"]),
        (
            build_extend_command("7", 5400),
            ["scontrol", "update", "JobId=7", "TimeLimit=+90"],
        ),
        (build_extend_command("7", 20), ["scontrol", "update", "JobId=7", "TimeLimit=+1"]),
        (build_config_command(), ["scontrol", "show", "config"]),
        (build_partitions_command(), ["scontrol", "--oneliner", "show", "partition"]),
        (
            build_nodes_command(),
            [
                *("sinfo", "--exact", "--noheader"),
                "--Format=Partition:80,StateLong:24,Nodes:12,CPUs:12,CPUsState:48,Memory:16,"
                "Gres:400,GresUsed:400,Features:600",
            ],
        ),
        (
            build_accounts_command("alice"),
            [
                *("sacctmgr", "--readonly", "--parsable2", "show", "user", "withassoc"),
                "name=alice",
                "format=Cluster,DefaultAccount,Account,Partition,QOS,DefaultQOS",
            ],
        ),
        (
            build_account_tree_command(),
            [
                *("sacctmgr", "--readonly", "--parsable2", "show", "associations"),
                *("where", "user=", "format=Cluster,Account,ParentName"),
            ],
        ),
        (
            build_qos_command(),
            [
                *("sacctmgr", "--readonly", "--parsable2", "show", "qos"),
                "format=Name,MaxWall,MaxTRES,MaxTRESPerUser",
            ],
        ),
    ],
)
def test_other_commands(command: list[str], expected: list[str]) -> None:
    assert command == expected


def test_profiles_of_users_change_nothing() -> None:
    command = build_command(["squeue"])
    unset = {command[i + 1] for i, word in enumerate(command) if word == "-u"}
    assert {"SQUEUE_PARTITION", "SBATCH_WAIT", "SLURM_TIME_FORMAT"} <= unset
    assert command[0] == "env"
    assert command[-3:] == ["TZ=UTC", "LC_ALL=C", "squeue"]


def test_commands_in_a_directory_of_their_own() -> None:
    command = build_command(["squeue"], ["/opt/slurm/bin"])
    (path,) = (word for word in command if word.startswith("PATH="))
    assert path.startswith("PATH=/opt/slurm/bin:/usr/local/bin:/usr/bin:/bin")
