"""The container's output, kept in one file of the sandbox and relayed by offset.

The file is always valid UTF-8, so the offset of a report is at the same time the number of
bytes of all the text before it.
"""

import codecs
import os
import subprocess
import threading
from typing import IO, List, Optional, Tuple

from rosetta_agent.processes import die_with_parent
from rosetta_agent.protocol import MAX_LOG, MAX_LOG_CHUNK

#: Ends an output that is longer than MAX_LOG.
NOTE = "\n[The output is longer than 5 MiB: the rest is not shown.]\n"


class LogWriter:
    """Writes output to a file until MAX_LOG bytes; a full disk loses the rest, not the task."""

    def __init__(self, path: str) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file: IO[bytes] = open(descriptor, "wb", buffering=0)  # noqa: SIM115
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._room = MAX_LOG - len(NOTE)

    def write(self, data: bytes, final: bool = False) -> None:
        """Append; ``final`` ends a character that was cut off."""
        if self._room <= 0:
            return
        text = self._decoder.decode(data, final).encode("utf-8")
        if len(text) > self._room:
            text = text[: self._room].decode("utf-8", "ignore").encode("utf-8") + NOTE.encode()
            self._room = 0
        self._room -= len(text)
        try:
            self._file.write(text)
        except OSError:
            self._room = 0

    @property
    def is_full(self) -> bool:
        """Whether nothing more is kept."""
        return self._room <= 0

    def close(self) -> None:
        """Write what is left of a cut character, and close."""
        self.write(b"", final=True)
        self._file.close()


def read_chunk(path: str, offset: int) -> Tuple[int, str]:
    """Text from ``offset`` on, at most MAX_LOG_CHUNK bytes, with the offset where it begins."""
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read(MAX_LOG_CHUNK)
    except OSError:
        return offset, ""
    return offset, data.decode("utf-8", "ignore")


def size(path: str) -> int:
    """Bytes of output so far."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def tail(path: str, characters: int) -> str:
    """The last words, cut at the beginning of a line where that is possible."""
    try:
        with open(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 4 * characters))
            text = file.read().decode("utf-8", "ignore").strip()
    except OSError:
        return ""
    if len(text) <= characters:
        return text
    text = text[-characters:]
    _cut, newline, rest = text.partition("\n")
    return rest if newline and rest else text


class Follower:
    """Copies what a program prints (``docker logs --follow``) into the log file.

    It is ended once nothing more is kept. A program that fails, because the engine could not be
    asked, starts again: the output is then written anew from the beginning, which gives the same
    offsets.
    """

    def __init__(self, argv: List[str], path: str) -> None:
        self._argv = argv
        self._path = path
        self._process: Optional["subprocess.Popen[bytes]"] = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    def start(self) -> None:
        """Begin to copy, in a thread."""
        self._thread.start()

    def _run(self) -> None:
        while not self._closed.is_set():
            if self._copy() == 0:
                return
            self._closed.wait(2.0)  # the engine could not be asked: try again

    def _copy(self) -> int:
        writer = LogWriter(self._path)
        try:
            with subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one call of prctl, no locks
            ) as process:
                self._process = process
                assert process.stdout is not None  # noqa: S101 - for the type checker
                for data in iter(lambda: _read(process), b""):
                    writer.write(data)
                    if writer.is_full:
                        # Reading on would keep the engine busy for nothing.
                        process.kill()
                        return 0
            return process.returncode
        except OSError:
            return 1
        finally:
            writer.close()

    def finish(self, seconds: float) -> None:
        """Wait for the rest of the output of a container that has ended, then stop copying."""
        self._thread.join(seconds)
        self._closed.set()
        process = self._process
        if self._thread.is_alive() and process is not None:
            process.terminate()
            self._thread.join(seconds)


def _read(process: "subprocess.Popen[bytes]") -> bytes:
    assert process.stdout is not None  # noqa: S101 - for the type checker
    return process.stdout.read(65536) or b""
