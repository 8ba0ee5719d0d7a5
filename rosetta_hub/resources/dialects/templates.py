"""The commands and state patterns of batchspawner's classes, read as data.

Its templates are shell strings, here they become argument lists; of its state patterns the ones
that tell pending from running are used. Its code is not: it takes "could not ask" for "gone".

Only the service imports this module. In the hub's process, importing batchspawner would register an
API handler that lets a posted message set any attribute of a spawner (batchspawner/api.py).
"""

import functools
import re
import shlex
from typing import Any

import batchspawner

from rosetta_hub.resources.wms import JobState


def _default(spawner: str, trait: str) -> str:
    traits: dict[str, Any] = getattr(batchspawner, spawner).class_traits()
    return str(traits[trait].default_value) if trait in traits else ""


@functools.cache
def _words(spawner: str, trait: str) -> tuple[str, ...]:
    words = shlex.split(_default(spawner, trait))
    if words[:1] == ["sudo"]:  # older versions: sudo -E -u {username} COMMAND
        words = words[words.index("{username}") + 1 :]
    return tuple(words)


def submit_words(spawner: str) -> list[str]:
    """The submit command of a batchspawner class, e.g. `["qsub"]`."""
    return list(_words(spawner, "batch_submit_cmd"))


def query_words(spawner: str, job_id: str | None) -> list[str]:
    """The query of one job, or of all jobs for None."""
    return _fill(_words(spawner, "batch_query_cmd"), job_id)


def cancel_words(spawner: str, job_id: str) -> list[str]:
    """The command that cancels a job."""
    return _fill(_words(spawner, "batch_cancel_cmd"), job_id)


def _fill(words: tuple[str, ...], job_id: str | None) -> list[str]:
    if job_id is None:
        return [word for word in words if word != "{job_id}"]
    return [job_id if word == "{job_id}" else word for word in words]


def classify(spawner: str, text: str) -> JobState | None:
    """Pending or running by the class's patterns; None for the states that they leave out."""
    for trait, state in (
        ("state_pending_re", JobState.PENDING),
        ("state_running_re", JobState.RUNNING),
    ):
        pattern = _default(spawner, trait)
        if pattern and re.search(pattern, text):
            return state
    return None
