"""Asks the site's policy about one image: a command, or a callable of the site."""

import asyncio
import contextlib
import importlib
import json
import logging
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rosetta_hub.errors import ImageUnchecked
from rosetta_hub.software.settings import ImagePolicySettings

log = logging.getLogger(__name__)

# Bytes of a command's output that are read.
MOST_OUTPUT = 64 << 10
# The service's own secrets are not the policy's.
_KEPT_BACK = ("JUPYTERHUB_", "JPY_", "CONFIGPROXY_")
_UNCHECKED = "The image could not be checked, so it can't be started now. Try again later."
_REFUSED = "The policy of this hub does not allow this image."


@dataclass(frozen=True)
class Verdict:
    """Whether an image may run, and what users are told where it may not."""

    allowed: bool
    message: str = ""


async def ask_policy(settings: ImagePolicySettings, question: Mapping[str, str]) -> Verdict:
    """What the site's policy says; `question` has `image`, `digest`, `user` and `software`.

    Raises:
        ImageUnchecked: it has not answered; the log says why.
    """
    try:
        async with asyncio.timeout(settings.timeout):
            if settings.command:
                return await _ask_command(settings, question)
            return await _ask_callable(settings.callable, question)
    except TimeoutError as error:
        log.error("the image policy has not answered within %d s", settings.timeout)
        raise ImageUnchecked(_UNCHECKED) from error


async def _ask_command(settings: ImagePolicySettings, question: Mapping[str, str]) -> Verdict:
    pipe = asyncio.subprocess.PIPE
    try:
        child = await asyncio.create_subprocess_exec(
            *settings.command,
            stdin=pipe,
            stdout=pipe,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(),
            start_new_session=True,
        )
    except OSError as error:
        log.error("the command of the image policy can't be started: %s", error)
        raise ImageUnchecked(_UNCHECKED) from error
    try:
        output = await _communicate(child, json.dumps(question).encode())
        status = await child.wait()
    finally:
        # It may have left children, or be cancelled.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()
    if status == 0:
        return Verdict(True)
    if status == 1:
        line = output.decode(errors="replace").strip().partition("\n")[0].strip()
        return Verdict(False, line or _REFUSED)
    log.error("the command of the image policy ended with status %d", status)
    raise ImageUnchecked(_UNCHECKED)


async def _communicate(child: asyncio.subprocess.Process, data: bytes) -> bytes:
    """Feed the command, and read the beginning of its output; the rest is thrown away."""
    stdin, stdout = child.stdin, child.stdout
    if stdin is None or stdout is None:
        return b""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(data)
        await stdin.drain()
    stdin.close()
    output = b""
    while piece := await stdout.read(MOST_OUTPUT):
        output = (output + piece)[:MOST_OUTPUT]
    return output


async def _ask_callable(name: str, question: Mapping[str, str]) -> Verdict:
    try:
        answer = await asyncio.to_thread(find_callable(name), dict(question))
    # The site's code can raise anything.
    except Exception as error:
        log.exception("the callable of the image policy, %s, has failed", name)
        raise ImageUnchecked(_UNCHECKED) from error
    if answer is None:
        return Verdict(True)
    if isinstance(answer, str):
        return Verdict(False, answer.strip().partition("\n")[0] or _REFUSED)
    log.error("the callable of the image policy returned %r, not None or a text", answer)
    raise ImageUnchecked(_UNCHECKED)


def find_callable(name: str) -> Callable[[dict[str, str]], Any]:
    """The callable that `module:function` names.

    Raises:
        ImportError, AttributeError: there is none.
    """
    module, _, function = name.partition(":")
    hook: Callable[[dict[str, str]], Any] = getattr(importlib.import_module(module), function)
    return hook


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_KEPT_BACK)}
