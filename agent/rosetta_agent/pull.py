"""Runs a pull on a terminal of its own, so that the engine shows its progress."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from typing import Callable, Dict, NamedTuple, Optional, Sequence

from rosetta_agent.errors import Cancelled
from rosetta_agent.processes import die_with_parent, missing_program
from rosetta_agent.progress import Progress, PullProgress

#: Wide enough that no engine leaves its progress bar out (docker does below 50 columns).
_ROWS, _COLUMNS = 200, 200
_KEPT_CHARACTERS = 16000
_NO_PROXY = "localhost,127.0.0.1,::1"


class Pulled(NamedTuple):
    """Exit status and the end of what was shown."""

    status: int
    output: str


def build_proxy_environment(proxy: Optional[str]) -> Dict[str, str]:
    """Variables by which a pull takes the HTTP proxy, registries of this machine excepted."""
    if proxy is None:
        return {}
    names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
    direct = dict.fromkeys(("no_proxy", "NO_PROXY"), _NO_PROXY)
    return dict(dict.fromkeys(names, proxy), **direct)


def pull(
    argv: Sequence[str],
    environment: Dict[str, str],
    cancelled: Callable[[], bool],
    on_progress: Callable[[Progress], None],
    descriptors: Sequence[int] = (),
) -> Pulled:
    """Run a pull to its end; it may take hours, so there is no limit but ``cancelled``.

    ``descriptors`` are open files that the program gets under the same numbers.

    Raises:
        TaskFailure: the program is not installed.
        Cancelled: ``cancelled`` became true; the program was ended.
    """
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env=dict(os.environ, TERM="xterm", **environment),
            start_new_session=True,
            preexec_fn=die_with_parent,
            pass_fds=descriptors,
        )
    except FileNotFoundError as exc:
        os.close(controller)
        raise missing_program(argv[0]) from exc
    finally:
        os.close(terminal)
    try:
        output = _read_all(controller, cancelled, on_progress)
        return Pulled(process.wait(), output)
    finally:
        os.close(controller)
        _end(process)


def _read_all(
    controller: int, cancelled: Callable[[], bool], on_progress: Callable[[Progress], None]
) -> str:
    bytes_known = PullProgress()
    output = ""
    while not cancelled():
        if not select.select([controller], [], [], 0.2)[0]:
            continue
        text = _read(controller)
        if text is None:
            return output
        output = (output + text)[-_KEPT_CHARACTERS:]
        progress = bytes_known.feed(text)
        if progress is not None:
            on_progress(progress)
    raise Cancelled()


def _read(controller: int) -> Optional[str]:
    """What was shown, or None at the end: Linux answers EIO when the other side is closed."""
    try:
        data = os.read(controller, 65536)
    except OSError:
        return None
    return data.decode("utf-8", "replace") if data else None


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        deadline = time.monotonic() + 3.0
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
    process.wait()
