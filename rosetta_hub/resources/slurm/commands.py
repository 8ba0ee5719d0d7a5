"""Command lines of Slurm, as they are run on a login node.

They are the same from Slurm 18.08 on. Format strings are used and not `--json`: what squeue prints
of a job is then 150 bytes instead of 8 KB, older versions ignore every filter with `--json`, and
its document is another one in each version.
"""

from collections.abc import Sequence

from rosetta_hub.resources.wms import USUAL_PATH, JobRequest

# Seconds from SIGTERM to the batch script until the time limit (up to a minute more).
TERM_BEFORE_END = 60
TERM_SIGNAL = "TERM"
# What a user's profile may set and what would change the meaning of our commands: filters, another
# cluster, an array of jobs, waiting for the end.
_UNSET = (
    "SBATCH_ARRAY_INX",
    "SBATCH_GET_USER_ENV",
    "SBATCH_WAIT",
    "SQUEUE_ACCOUNT",
    "SQUEUE_ARRAY",
    "SQUEUE_LICENSES",
    "SQUEUE_NAMES",
    "SQUEUE_PARTITION",
    "SQUEUE_QOS",
    "SQUEUE_STATES",
    "SQUEUE_USERS",
    "SINFO_PARTITION",
    "SLURM_TIME_FORMAT",
)

# The name comes last: it is the one text that a user chooses freely.
QUEUE_FIELDS = ("%i", "%T", "%u", "%P", "%B", "%S", "%e", "%r", "%j")
ENDED_FIELDS = ("JobIDRaw", "State", "ExitCode", "User", "Partition", "NodeList", "JobName")
# Columns of sinfo and their widths; what is wider would be cut off.
NODE_COLUMNS = {
    "Partition": 80,
    "StateLong": 24,
    "Nodes": 12,
    "CPUs": 12,
    "CPUsState": 48,
    "Memory": 16,
    "Gres": 400,
    "GresUsed": 400,
    "Features": 600,
}


def build_command(argv: Sequence[str], path: Sequence[str] = ()) -> list[str]:
    """The command in an environment where its answers mean the same everywhere: times in UTC.

    `path`: directories that are searched for it first; none: the PATH of the account.
    """
    unset = [word for name in _UNSET for word in ("-u", name)]
    settings = ["TZ=UTC", "LC_ALL=C"]
    if path:
        settings.append("PATH=" + ":".join((*path, *USUAL_PATH)))
    return ["env", *unset, *settings, *argv]


def build_submit_command(request: JobRequest) -> list[str]:
    """Submit the batch script on standard input; prints the job's id.

    `--export=NIL` keeps the login node's environment out of the job, and, unlike NONE, does not
    log the user in on the node, which fails where the home is slow. Before Slurm 20.11 it is the
    name of a variable that does not exist, with the same effect. Nothing is written to the shared
    home: the agent relays what there is to say. A job that lost its node or was preempted goes
    back into the queue as the same job.
    """
    options = [
        "--parsable",
        f"--job-name={request.name}",
        "--export=NIL",
        "--output=/dev/null",
        "--error=/dev/null",
        # The short form has had two long ones.
        "-D",
        "/",
        f"--signal=B:{TERM_SIGNAL}@{term_before_end(request.time_limit)}",
        "--requeue",
        "--nodes=1",
        "--ntasks=1",
        *_resources(request),
        *request.extra,
    ]
    return ["sbatch", *options]


def _resources(request: JobRequest) -> list[str]:
    values = {
        "cpus-per-task": request.cpus,
        "mem": f"{-(-request.memory // (1 << 20))}M" if request.memory else None,
        "time": format_time(request.time_limit) if request.time_limit else None,
        "partition": request.partition,
        "account": request.account,
        "qos": request.qos,
        "gres": format_gres(request),
        "constraint": request.constraint,
        "reservation": request.reservation,
    }
    return [f"--{name}={value}" for name, value in values.items() if value is not None]


def term_before_end(limit: int | None) -> int:
    """Seconds of warning before the time limit."""
    # A short job would be told to end as soon as it starts.
    return TERM_BEFORE_END if limit is None else max(1, min(TERM_BEFORE_END, limit // 10))


def format_time(seconds: int) -> str:
    """A time limit as Slurm reads it: `days-hours:minutes:seconds`."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{days}-{hour:02}:{minute:02}:{second:02}"


def format_gres(request: JobRequest) -> str | None:
    """The GPUs as a generic resource of one node, which works without cons_tres, too."""
    if not request.gpus:
        return None
    kind = f":{request.gpu_type}" if request.gpu_type else ""
    return f"gpu{kind}:{request.gpus}"


def build_queue_command(
    users: Sequence[str], mark: str, name: str | None = None, *, ended: bool = False
) -> list[str]:
    """All jobs of these users (of all users: none), those in hidden partitions included.

    Each line starts with `mark`, the header's too: an answer without it is none, and a line break
    in a job's name makes no job. `--states` is used for the ended ones only: given a list, Slurm
    leaves out jobs that have one of its flags (REQUEUED, RESIZING).
    """
    filters = [f"--user={','.join(users)}"] if users else []
    if name is not None:
        filters.append(f"--name={name}")
    if ended:
        filters.append("--states=all")
    return ["squeue", "--all", *filters, "--format=" + "|".join((mark, *QUEUE_FIELDS))]


def build_ended_command(user: str, name: str) -> list[str]:
    """Jobs of that name in the accounting of the last two weeks."""
    return [
        "sacct",
        "--allocations",
        "--parsable2",
        f"--user={user}",
        f"--name={name}",
        "--starttime=now-14days",
        "--format=" + ",".join(ENDED_FIELDS),
    ]


def build_end_command(*job_ids: str) -> list[str]:
    """What the accounting has of these jobs."""
    return [
        "sacct",
        "--allocations",
        "--parsable2",
        f"--jobs={','.join(job_ids)}",
        "--format=" + ",".join(ENDED_FIELDS),
    ]


def build_show_job_command(job_id: str) -> list[str]:
    """What the controller still has of a job: minutes after its end, it forgets."""
    return ["scontrol", "--oneliner", "show", "job", job_id]


def build_user_name_command(uid: str) -> list[str]:
    """The name of a user, as the cluster knows it."""
    return ["id", "-nu", uid]


def build_cancel_command(job_id: str) -> list[str]:
    """Cancel a job, waiting, running or suspended."""
    return ["scancel", job_id]


def build_extend_command(job_id: str, seconds: int) -> list[str]:
    """Add to the time limit of a job, in whole minutes, at least one (scontrol(1), TimeLimit)."""
    return ["scontrol", "update", f"JobId={job_id}", f"TimeLimit=+{max(1, round(seconds / 60))}"]


def build_config_command() -> list[str]:
    """The configuration of the cluster."""
    return ["scontrol", "show", "config"]


def build_partitions_command() -> list[str]:
    """The partitions that the identity may see, with their limits."""
    return ["scontrol", "--oneliner", "show", "partition"]


def build_nodes_command() -> list[str]:
    """Nodes by partition; alike ones in one line."""
    columns = ",".join(f"{name}:{width}" for name, width in NODE_COLUMNS.items())
    return ["sinfo", "--exact", "--noheader", f"--Format={columns}"]


def build_accounts_command(user: str) -> list[str]:
    """The accounts that a user may charge, on each cluster of the accounting."""
    fields = "Cluster,DefaultAccount,Account,Partition,QOS,DefaultQOS"
    return [
        "sacctmgr",
        "--readonly",
        "--parsable2",
        "show",
        "user",
        "withassoc",
        f"name={user}",
        f"format={fields}",
    ]


def build_account_tree_command() -> list[str]:
    """All accounts and the ones that they belong to: a partition is open to sub-accounts, too."""
    return [
        "sacctmgr",
        "--readonly",
        "--parsable2",
        "show",
        "associations",
        "where",
        "user=",
        "format=Cluster,Account,ParentName",
    ]


def build_qos_command() -> list[str]:
    """All QoS with their limits of a job and of a user."""
    return [
        "sacctmgr",
        "--readonly",
        "--parsable2",
        "show",
        "qos",
        "format=Name,MaxWall,MaxTRES,MaxTRESPerUser",
    ]
