"""Checks of the way to the resource: host key, authentication, the scheduler's commands."""

from rosetta_hub.catalogue.computing_conf import SlurmRestConf
from rosetta_hub.check.context import CheckFailed, CheckSkipped, Context, HostContext
from rosetta_hub.errors import AuthenticationFailed, HostKeyProblem, ResourceUnavailable
from rosetta_hub.resources.dialects.batch_wms import BatchWms
from rosetta_hub.resources.dialects.dialect import last_words
from rosetta_hub.resources.slurm.commands import build_command
from rosetta_hub.resources.wms import Wms
from rosetta_hub.ssh.host_keys import accept_host_key, find_pinned_keys

TIMEOUT = 60


async def check_host_key(context: HostContext) -> str:
    """The server shows the pinned key; one that is not known may be accepted."""
    if context.address is None or context.scan is None:
        raise CheckSkipped("there is no SSH of its own")
    endpoint = context.address()
    key = await context.scan(endpoint)
    pinned = find_pinned_keys(endpoint.known_hosts, key.host, key.port)
    if key.fingerprint in pinned:
        return f"{key.host} shows the pinned key {key.fingerprint}"
    if pinned:
        raise CheckFailed(
            f"{key.host} shows {key.fingerprint}, but {', '.join(pinned)} is pinned",
            "Somebody may be in between. Ask the site whether its host key has changed; if it has,"
            " replace the line in known_hosts.",
        )
    if not context.accept_host_key or context.accepted is None:
        raise CheckFailed(
            f"no host key is pinned for {key.host}, which shows {key.fingerprint}",
            "Compare the fingerprint with what the site publishes, and run this again with"
            " --accept-host-key.",
        )
    accept_host_key(context.accepted, key)
    return f"accepted {key.fingerprint} of {key.host}"


async def check_authentication(context: Context) -> str:
    """A command runs, and tells the account."""
    if isinstance(context.computing.conf, SlurmRestConf):
        return await _see_token(context, context.computing.conf)
    _see_credentials(context)
    try:
        answer = await context.access.run(["id", "-un"], "", TIMEOUT)
    except HostKeyProblem as error:
        advice = "Run this again with --accept-host-key when it is the first contact."
        raise CheckFailed(str(error), advice) from error
    except AuthenticationFailed as error:
        raise CheckFailed(str(error), _advice_for_key(context)) from error
    if answer.returncode != 0 or not answer.stdout.strip():
        raise CheckFailed(
            f"`id -un` failed: {last_words(answer)}",
            "See whether the account may run commands without a terminal.",
        )
    # Files that greet, on shells that are not interactive, write in front of it.
    context.account = answer.stdout.strip().splitlines()[-1]
    context.wms = context.open_wms(context.account) if context.open_wms else None
    return f"commands run as {context.account}"


async def _see_token(context: Context, conf: SlurmRestConf) -> str:
    context.account = conf.user or context.user
    context.wms = context.open_wms(context.account) if context.open_wms else None
    if context.wms is not None:
        await context.wms.jobs([context.account])
    return f"slurmrestd accepts a token for {context.account}"


def _see_credentials(context: Context) -> None:
    """See that there is something to log in with."""
    try:
        if context.endpoint is not None:
            context.endpoint()
    except ResourceUnavailable as error:
        raise CheckFailed(str(error), _advice_for_key(context)) from error


def _advice_for_key(context: Context) -> str:
    if context.computing.auth_mode == "user_keys":
        return (
            f"{context.user} has to set the user name there on the page 'Account', and to"
            " paste its line into ~/.ssh/authorized_keys. --user names another user of the hub."
        )
    return "See that the public key of 'key_file' is in ~/.ssh/authorized_keys of 'user' there."


async def check_scheduler(context: Context) -> str:
    """The scheduler's commands are there, and it answers."""
    if context.wms is None:
        raise CheckSkipped("there is no scheduler")
    if isinstance(context.computing.conf, SlurmRestConf):
        return f"slurmrestd answers; {await _partitions(context.wms)}"
    return f"{await _version(context, context.wms)}; {await _partitions(context.wms)}"


async def _version(context: Context, wms: Wms) -> str:
    try:
        if isinstance(wms, BatchWms):
            return await wms.version()
        command = build_command(["sinfo", "--version"], context.computing.conf.path)
        answer = await context.access.run(command, "", TIMEOUT)
    except ResourceUnavailable as error:
        raise CheckFailed(f"its commands can't be run: {error}", _PATH_ADVICE) from error
    if answer.returncode in (126, 127):
        raise CheckFailed(f"its commands can't be run: {last_words(answer)}", _PATH_ADVICE)
    return answer.stdout.strip()


_PATH_ADVICE = (
    "See that they are in PATH of a session without a terminal (`ssh host qstat`), or give their"
    " directory as 'path' in 'conf'."
)


async def _partitions(wms: Wms) -> str:
    inventory = await wms.inventory()
    names = [
        partition.name + ("*" if partition.default else "")
        for partition in inventory.partitions[:8]
    ]
    return f"partitions: {', '.join(names)}" if names else "no partitions are listed"
