"""The specification of a check: the job of a task that is never served, and what to look at."""

import json
import re
from typing import Any, Dict, NamedTuple, Optional, Tuple

from rosetta_agent.errors import SpecError
from rosetta_agent.fields import Fields
from rosetta_agent.protocol import ENGINES
from rosetta_agent.spec import AgentSpec, parse_spec

LISTEN_KINDS = ("tcp", "unix")

_TOKEN = re.compile(r"[0-9a-f]{16,64}\Z")
_FILE_NAME = re.compile(r"\.[0-9a-z-]{1,60}\Z")
_NAME = re.compile(r"[a-z]{1,20}\Z")


class CheckSpec(NamedTuple):
    """What to look at.

    ``engines`` are those that have to answer; ``image``: get the job's image and start it.
    ``urls`` (by name) are asked. ``listen`` is one of LISTEN_KINDS or None; who knows
    ``token`` may ask the listener. ``result`` is the name of the file in the home that the
    findings are written to; without one the exit status sums them up. The check waits at most
    ``pull_timeout`` seconds for the image, and ``linger`` seconds for the hub at its end.
    ``batch``: the check runs inside a batch job.
    """

    engines: Tuple[str, ...]
    image: bool
    urls: Dict[str, str]
    listen: Optional[str]
    token: str
    result: Optional[str]
    pull_timeout: float
    linger: float
    batch: bool

    def __repr__(self) -> str:
        """Without the token."""
        return "<CheckSpec {}>".format(", ".join(self.engines))


def parse_check(text: str) -> Tuple[AgentSpec, CheckSpec]:
    """Read the spec of ``check``: that of ``run``, with a section ``check``.

    Raises:
        SpecError: as for parse_job.
    """
    spec = parse_spec(text)
    document: Dict[str, Any] = json.loads(text)
    section = document.get("check")
    if not isinstance(section, dict):
        raise SpecError("check: not an object")
    fields = Fields(section, "check.")
    engines = fields.texts("engines")
    unknown = [name for name in engines if name not in ENGINES]
    if unknown:
        raise SpecError("check.engines: {!r} is none of {}".format(unknown[0], ", ".join(ENGINES)))
    return spec, CheckSpec(
        engines=engines,
        image=fields.flag("image", default=False),
        urls=fields.variables("urls", _NAME),
        listen=fields.choice("listen", LISTEN_KINDS) if section.get("listen") else None,
        token=fields.text("token", _TOKEN),
        result=fields.optional_text("result", _FILE_NAME),
        pull_timeout=fields.number("pull_timeout", low=0.0, default=900.0),
        linger=fields.number("linger", low=0.0, default=60.0),
        batch=document.get("batch") is not None,
    )
