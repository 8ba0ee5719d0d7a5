"""One call as another user, in a child process, with a deadline.

A directory of a file server that does not answer keeps a process for good: the child is left
alone then. As another user a call has that user's rights and quotas, and nothing of root's.
"""

import errno
import os
import pwd
import signal
import time
from typing import Callable, List, Optional

from rosetta_agent.bind_options import Owner

SECONDS = 15.0
_POLL_SECONDS = 0.005
_OTHER_ERROR = 255


def call_as(owner: Optional[Owner], call: Callable[[], object], seconds: float = SECONDS) -> int:
    """Make a call as that user (None: as ourselves); returns 0 or the number of its OSError.

    ETIMEDOUT: it did not return in time.
    """
    groups = [] if owner is None else groups_of(owner)  # not in the child of a threaded process
    child = os.fork()
    if child == 0:
        os._exit(_status_of(owner, groups, call))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else errno.EIO
        time.sleep(_POLL_SECONDS)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, os.WNOHANG)
    return errno.ETIMEDOUT


def _status_of(owner: Optional[Owner], groups: List[int], call: Callable[[], object]) -> int:
    try:
        if owner is not None:
            os.setgroups(groups)
            os.setgid(owner.gid)
            os.setuid(owner.uid)
        call()
        return 0
    except OSError as error:
        return error.errno or _OTHER_ERROR
    except BaseException:
        return _OTHER_ERROR


def groups_of(owner: Owner) -> List[int]:
    """All groups of a user of this machine; the given one alone for a number without a name."""
    try:
        return os.getgrouplist(pwd.getpwuid(owner.uid).pw_name, owner.gid)
    except KeyError:
        return [owner.gid]
