"""What the service needs on its machine before it can make recipes, told before anybody asks."""

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Callable

from rosetta_hub.builds import repo2docker_pack
from rosetta_hub.builds.recipe_settings import RecipeSettings
from rosetta_hub.builds.source_settings import SourceSettings

# The first version that connects to addresses which it is told (`http.curloptResolve`).
OLDEST_GIT = (2, 37)
# Seconds.
_TIMEOUT = 10.0


def find_problems(
    settings: SourceSettings,
    recipes: RecipeSettings,
    git_version: Callable[[], str | None] | None = None,
) -> list[str]:
    """What is missing, a message each that says what to do; nothing where all is there.

    `git_version` asks git for its version, None where git is not installed.
    """
    problems = [
        _check_git((git_version or ask_git)()),
        _check_account(settings.account),
        _check_ca_file(settings.ca_file),
        _check_repo2docker(recipes),
    ]
    return [problem for problem in problems if problem]


def ask_git() -> str | None:
    """What `git --version` prints; None where there is no git, or where it does not run."""
    program = shutil.which("git")
    if program is None:
        return None
    try:
        process = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=False, timeout=_TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return process.stdout


def parse_git_version(text: str) -> tuple[int, ...]:
    """The numbers of `git version 2.39.5 (…)`; none where there are none."""
    match = re.search(r"(\d+(?:\.\d+)+)", text)
    return tuple(int(number) for number in match[1].split(".")) if match else ()


def _check_git(text: str | None) -> str:
    if text is None:
        return "git is not installed: repositories can't be fetched. Install it."
    version = parse_git_version(text)
    if version < OLDEST_GIT:
        oldest = ".".join(map(str, OLDEST_GIT))
        return (
            f"git {'.'.join(map(str, version)) or 'of an unknown version'} is too old: {oldest} is"
            " the first one that connects to checked addresses alone. Install a newer one."
        )
    return ""


def _check_account(name: str) -> str:
    if os.geteuid() != 0:
        return ""
    try:
        is_root = pwd.getpwnam(name).pw_uid == 0
    except KeyError:
        return f"There is no account {name!r}, which is to fetch repositories. Set 'account'."
    if is_root:
        return "'account' must not be root: it reads what strangers have written."
    return ""


def _check_ca_file(path: str) -> str:
    if path and not os.access(path, os.R_OK):
        return f"{path} ('ca_file') can't be read."
    return ""


def _check_repo2docker(settings: RecipeSettings) -> str:
    if "repo2docker" not in settings.buildpacks or repo2docker_pack.version():
        return ""
    return (
        "repo2docker is not installed: no images are made of repositories that need conda, R or"
        " Julia. Install the extra 'builds' of rosetta-hub, or leave repo2docker out of"
        " 'buildpacks'."
    )
