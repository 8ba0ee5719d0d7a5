"""The script that becomes a program with narrow limits; `confined.py` starts it.

    python -I -S confine.py LIMITS COMMAND...

LIMITS is JSON: `limits` (names of `resource` to values), `uid` and `gid`, null where the account
stays. It imports the standard library only, so that it starts at once.
"""

import ctypes
import json
import os
import resource
import sys

# os.execvp imports it, when the account may not be able to read it any more.
import warnings  # noqa: F401

_PR_SET_NO_NEW_PRIVS = 38


def main(order: str, command: list[str]) -> None:
    """Give up rights and resources, and become the program."""
    confine(order)
    os.execvp(command[0], command)  # noqa: S606


def confine(order: str) -> None:
    """Give up rights and resources for good."""
    confinement = json.loads(order)
    for name, value in confinement["limits"].items():
        limit = getattr(resource, name)
        _, most = resource.getrlimit(limit)
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(limit, (value, value))
    if confinement["uid"] is not None:
        os.setgroups([])
        os.setgid(confinement["gid"])
        os.setuid(confinement["uid"])
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.umask(0o022)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
