"""A `kubectl proxy` on a unix socket in a folder of its own, as long as whoever wants it is there.

It runs beside kubectl, on the service's machine or on a login node. What it reports are frames of
the files protocol on standard output: `{"socket": PATH}` once somebody answers there, and
`{"error": "failed", "message": TEXT}` with kubectl's last words when it has ended. Standard input
carries nothing but heartbeats: its end, or the lack of them, ends kubectl and removes the folder.
"""

import contextlib
import fcntl
import glob
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from typing import Any, Dict, List, Optional

from rosetta_agent.files.frames import JSON, build_document, build_header
from rosetta_agent.processes import die_with_parent

#: Seconds without a heartbeat after which nobody is there any more.
LIVENESS_TIMEOUT = 90.0
#: Seconds that kubectl has until it listens, and until it ends when it is asked to.
START_TIMEOUT, END_TIMEOUT = 15.0, 3.0
#: Bytes of kubectl's last words.
WORDS = 2000

#: Seconds for which a folder without a lock may be one that is just being made.
YOUNG = 60.0

_PREFIX = "rosetta-kubectl-"
_LOCK = "lock"
_GREETING = "Starting to serve on"
# Seconds between looks: at the socket, and at whether kubectl lives.
_POLL, _LOOK = 0.02, 0.5


class Failed(Exception):
    """There is no proxy; the message says why, in kubectl's words where it has some."""


def build_proxy_command(
    kubectl: str, kubeconfig: str, context: str, path: str, appends: bool
) -> List[str]:
    """The command line of the proxy; empty texts mean what kubectl takes by itself.

    With `appends`, a path in the server's address counts, as behind Rancher.
    """
    command = [kubectl]
    command += ["--kubeconfig=" + kubeconfig] if kubeconfig else []
    command += ["--context=" + context] if context else []
    command += ["proxy", "--unix-socket=" + path]
    return command + (["--append-server-path=true"] if appends else [])


def main(arguments: List[str]) -> int:
    """Serve until the input ends. The arguments are kubectl, its kubeconfig and its context."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    # Whatever was inherited: the folder has to be entered, by us alone.
    os.umask(0o077)
    remove_left(tempfile.gettempdir())
    folder = tempfile.mkdtemp(prefix=_PREFIX)
    try:
        with open(os.path.join(folder, _LOCK), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _serve(os.path.join(folder, "kubectl.sock"), *arguments)
    except Failed as error:
        _tell({"error": "failed", "message": str(error)})
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def remove_left(parent: str) -> None:
    """Remove our folders of programs that were killed: nobody holds their locks."""
    for folder in glob.glob(os.path.join(parent, _PREFIX + "*")):
        with contextlib.suppress(OSError):
            info = os.lstat(folder)
            is_old = time.time() - info.st_mtime > YOUNG
            if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid() or not is_old:
                continue
            with open(os.path.join(folder, _LOCK)) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)


def _serve(path: str, kubectl: str, kubeconfig: str, context: str) -> None:
    appends = "--append-server-path" in _read_help(kubectl)
    process = _start(build_proxy_command(kubectl, kubeconfig, context, path, appends))
    words = _Words(process)
    try:
        _wait_ready(process, words, path)
        _tell({"socket": path})
        if _wait_end(process, words):
            return
        raise Failed(words.last or "it was killed by signal {}".format(-process.wait()))
    finally:
        _end(process)


def _read_help(kubectl: str) -> str:
    try:
        process = subprocess.run(
            [kubectl, "proxy", "--help"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=START_TIMEOUT,
            check=False,
        )
    except OSError as error:
        raise Failed("there is no program {!r}: {}".format(kubectl, error.strerror)) from error
    except subprocess.TimeoutExpired as error:
        raise Failed("{} does not answer".format(kubectl)) from error
    return process.stdout.decode("utf-8", "replace")


def _start(command: List[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # Also where this program is killed.
        preexec_fn=die_with_parent,
    )


class _Words:
    """What kubectl and its plug-ins print, told as it comes; the last of it is kept."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None  # noqa: S101 - tells the type checker what PIPE means
        self.fd: Optional[int] = process.stdout.fileno()
        self._kept = b""

    @property
    def last(self) -> str:
        """The end of it, without the greeting."""
        lines = self._kept.decode("utf-8", "replace").splitlines()
        return "\n".join(line for line in lines if not line.startswith(_GREETING)).strip()

    def read(self) -> None:
        """Take what is there; the descriptor has to be readable."""
        if self.fd is None:
            return
        data = os.read(self.fd, 1 << 16)
        if not data:
            self.fd = None
            return
        before, self._kept = self.last, (self._kept + data)[-WORDS:]
        if self.last != before:
            _tell({"words": self.last})


def _wait_ready(process: "subprocess.Popen[bytes]", words: _Words, path: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        _wait(words, [], _POLL)
        if process.poll() is not None:
            words.read()
            raise Failed(words.last or "it ended at once")
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            return
    raise Failed("it did not listen within {:g} seconds".format(START_TIMEOUT))


def _wait_end(process: "subprocess.Popen[bytes]", words: _Words) -> bool:
    """Whether nobody wants it any more; False: kubectl has ended by itself."""
    heard_at = time.monotonic()
    while time.monotonic() - heard_at < LIVENESS_TIMEOUT:
        if 0 in _wait(words, [0], _LOOK):
            if not os.read(0, 4096):
                return True
            heard_at = time.monotonic()
        if process.poll() is not None:
            return False
    return True


def _wait(words: _Words, others: List[int], seconds: float) -> List[int]:
    """Take words for so long at most; returns at once those of the others that are readable."""
    fds = others + ([] if words.fd is None else [words.fd])
    readable, _, _ = select.select(fds, [], [], seconds)
    if words.fd in readable:
        words.read()
    return readable


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(END_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tell(document: Dict[str, Any]) -> None:
    payload = build_document(document)
    # Where nobody reads any more, the input ends as well.
    with contextlib.suppress(OSError):
        os.write(1, build_header(JSON, len(payload)) + payload)
