"""Accounts that nobody becomes by having their name on the hub."""

from rosetta_hub.errors import ResourceUnavailable

SYSTEM_ACCOUNTS = frozenset({"root", "slurm", "munge", "daemon", "bin", "nobody"})


def refuse_system_account(name: str) -> str:
    """The name, where the hub may vouch for it: hub names are easier to get than accounts.

    Raises:
        ResourceUnavailable: it is an account of the system itself.
    """
    if name in SYSTEM_ACCOUNTS:
        raise ResourceUnavailable(
            f"The hub does not vouch for the account {name} on computing resources."
            " Use the hub under another name."
        )
    return name
