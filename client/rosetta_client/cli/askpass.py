"""`rosetta-askpass`: what OpenSSH asks for the password of a task (`SSH_ASKPASS`).

It answers for tasks of `rosetta ssh` and of blocks that `rosetta ssh --config` has printed.
Everything else, such as the passphrase of a key, it asks the user on the terminal.
"""

from __future__ import annotations

import getpass
import os
import re
import sys

# The variable with the hub that is asked, where it is not the last one that was logged in to.
HUB_OF_PASSWORD = "ROSETTA_ASKPASS_HUB"  # noqa: S105 (a name)
# As OpenSSH asks for it, with the HostKeyAlias for a host.
_PASSWORD = re.compile(r"[^@\s]+@rosetta-([0-9a-f]{12})-\d+'s password: ?")


def main() -> None:
    """Print the answer to the prompt that is the first argument; exit with 1 without one."""
    prompt = sys.argv[1] if len(sys.argv) > 1 else ""
    answer = _find_answer(prompt)
    if answer is None:
        sys.exit(1)
    sys.stdout.write(f"{answer}\n")


def _find_answer(prompt: str) -> str | None:
    match = _PASSWORD.fullmatch(prompt)
    if match is None:
        return _ask(prompt)
    from rosetta_client.errors import RosettaError

    try:
        return _fetch_password(match[1])
    except RosettaError as error:
        sys.stderr.write(f"rosetta: {error}\n")
        return None


def _fetch_password(task: str) -> str:
    from rosetta_client.client import Client
    from rosetta_client.config import ConfigFile

    endpoint = ConfigFile().endpoint(os.environ.get(HUB_OF_PASSWORD))
    with Client(endpoint) as client:
        return client.get_task_password(task).password


def _ask(prompt: str) -> str | None:
    """The user's answer; None where there is no terminal to ask at."""
    try:
        with open("/dev/tty", "r+", encoding="utf-8") as terminal:
            if prompt.rstrip().endswith("?"):
                terminal.write(prompt)
                terminal.flush()
                return terminal.readline().rstrip("\n")
        return getpass.getpass(prompt)
    except (OSError, EOFError, KeyboardInterrupt):
        return None
