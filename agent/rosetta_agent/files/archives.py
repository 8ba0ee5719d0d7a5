"""The operations ``tar`` and ``zip``: trees as one stream, which can't be resumed."""

import io
import os
import stat
import tarfile
import time
import zipfile
from typing import Any, Dict, List, Optional, Tuple

from rosetta_agent.files.channel import Channel, Progress
from rosetta_agent.files.entries import account_name, group_name
from rosetta_agent.files.errors import FilesError, escape, explained
from rosetta_agent.files.frames import MAX_DATA, encode_path
from rosetta_agent.files.reading import changed
from rosetta_agent.files.request import Request
from rosetta_agent.files.storage import Storage, open_child, read_link
from rosetta_agent.files.trees import Node, visit

_OLDEST_DATE, _LATEST_DATE = (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58)
# Where zip needs numbers of 64 bits; a file is not read beyond the size that it had.
_ZIP64 = 0x7FFF0000
_REPORT = "NOT-INCLUDED.txt"
_NAMES = "NAMES.txt"


def archive_tar(storage: Storage, request: Request, channel: Channel) -> Dict[str, Any]:
    """Trees as a tar archive (POSIX.1-2001): names are the bytes on the disk."""
    output = _Output(channel)
    with tarfile.open(
        mode="w|",
        fileobj=output,
        bufsize=MAX_DATA,
        format=tarfile.PAX_FORMAT,
        encoding="utf-8",
        errors="surrogateescape",
    ) as archive:
        done = _fill(storage, request, _TarWriter(archive), Progress(channel))
    output.finish()
    return done


def archive_zip(storage: Storage, request: Request, channel: Channel) -> Dict[str, Any]:
    """Trees as a zip archive, not compressed; bytes that zip can't have in names are escaped."""
    output = _Output(channel)
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        done = _fill(storage, request, _ZipWriter(archive), Progress(channel))
    output.finish()
    return done


class _Output(io.RawIOBase):
    """Collects what an archive writes to frames of full size."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel
        self._buffer = bytearray()

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: Any) -> int:
        """Send what fills frames."""
        self._buffer += data
        if len(self._buffer) >= MAX_DATA:
            full = len(self._buffer) // MAX_DATA * MAX_DATA
            self._channel.send_data(memoryview(bytes(self._buffer[:full])))
            del self._buffer[:full]
        return len(data)

    def finish(self) -> None:
        """Send the rest."""
        self._channel.send_data(memoryview(bytes(self._buffer)))
        self._buffer.clear()


class _Content(io.RawIOBase):
    """What a file held when it was opened: the size in the header can't be changed any more."""

    def __init__(self, descriptor: int, path: bytes, progress: Progress) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._path = path
        self._progress = progress

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Some of it; raises FilesError (``changed``) at an early end."""
        with explained(self._path):
            data = os.read(self._descriptor, size)
        if not data:
            raise changed(self._path)
        self._progress.bytes += len(data)
        return data


class _TarWriter:
    """Adds entries to a tar archive."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive

    def add(self, name: bytes, info: os.stat_result, link: Optional[bytes], content: Any) -> None:
        """Add a file with its content, a link, or a directory."""
        member = tarfile.TarInfo(encode_path(name))
        member.mode, member.mtime = stat.S_IMODE(info.st_mode), int(info.st_mtime)
        member.uid, member.gid = info.st_uid, info.st_gid
        member.uname, member.gname = account_name(info.st_uid), group_name(info.st_gid)
        if link is not None:
            member.type, member.linkname = tarfile.SYMTYPE, encode_path(link)
        elif content is None:
            member.type = tarfile.DIRTYPE
        else:
            member.size = info.st_size
        self._archive.addfile(member, content)

    def add_text(self, name: str, text: str) -> None:
        """Add a file that we have written."""
        member = tarfile.TarInfo(name)
        content = text.encode("utf-8")
        member.size, member.mode, member.mtime = len(content), 0o644, int(time.time())
        self._archive.addfile(member, io.BytesIO(content))

    def finish(self) -> None:
        """Nothing has to be said about names."""


class _ZipWriter:
    """Adds entries to a zip archive."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._escaped: List[str] = []

    def add(self, name: bytes, info: os.stat_result, link: Optional[bytes], content: Any) -> None:
        """Add a file with its content, a link, or a directory."""
        is_directory = link is None and content is None
        text = escape_for_zip(name)
        if text != encode_path(name):
            self._escaped.append(text)
        member = zipfile.ZipInfo(text + ("/" if is_directory else ""), zip_date(info.st_mtime))
        member.external_attr = (info.st_mode & 0xFFFF) << 16
        if content is None:
            self._archive.writestr(member, link or b"")
            return
        rest = info.st_size
        with self._archive.open(member, "w", force_zip64=rest > _ZIP64) as file:
            while rest:
                data = content.read(min(rest, MAX_DATA))
                rest -= len(data)
                file.write(data)

    def add_text(self, name: str, text: str) -> None:
        """Add a file that we have written."""
        self._archive.writestr(zipfile.ZipInfo(name, zip_date(time.time())), text.encode("utf-8"))

    def finish(self) -> None:
        """Name the names that are not those on the disk."""
        if self._escaped:
            text = "In these names each % and two digits stand for a byte:\n\n{}\n"
            self.add_text(_NAMES, text.format("\n".join(self._escaped)))


def escape_for_zip(name: bytes) -> str:
    """A name as zip can have it: what is no UTF-8, and backslashes, as ``%`` and two digits.

    Some programs take a backslash for the end of a directory's name.
    """
    text = encode_path(name)
    return "".join(
        "%{:02X}".format(ord(c) & 0xFF) if "\udc80" <= c <= "\udcff" or c == "\\" else c
        for c in text
    )


def zip_date(seconds: float) -> "Tuple[int, int, int, int, int, int]":
    """A time as zip has it: from 1980 to 2107."""
    try:
        date = time.localtime(seconds)[:6]
    except (OverflowError, ValueError, OSError):
        return _LATEST_DATE
    return min(max(date, _OLDEST_DATE), _LATEST_DATE)


def _fill(storage: Storage, request: Request, writer: Any, progress: Progress) -> Dict[str, Any]:
    """Add all trees; what can't be read, or is no file, is left out and named in a report."""
    paths = request.paths()
    start = _common_start(paths)
    left_out: List[str] = []

    def leave_out(path: bytes, error: FilesError) -> None:
        left_out.append("{}: {}".format(escape(path), error.message))

    for path in paths:
        for node in visit(storage, path, leave_out):
            progress.tick()
            name = node.place.path[start:]
            if name and not node.is_left:
                try:
                    _add(node, name, writer, progress)
                except _LeftOut as error:
                    leave_out(node.place.path, error.reason)
    if left_out:
        text = "These could not be read, or are no files:\n\n{}\n"
        writer.add_text(_REPORT, text.format("\n".join(left_out)))
    writer.finish()
    return dict(progress.summary(), skipped_total=len(left_out))


class _LeftOut(Exception):
    """An entry can't be opened."""

    def __init__(self, reason: FilesError) -> None:
        super().__init__(reason.message)
        self.reason = reason


def _add(node: Node, name: bytes, writer: Any, progress: Progress) -> None:
    if stat.S_ISDIR(node.info.st_mode):
        progress.folders += 1
        writer.add(name, node.info, None, None)
        return
    progress.files += 1
    if stat.S_ISLNK(node.info.st_mode):
        writer.add(name, node.info, read_link(node.place) or b"", None)
        return
    try:
        descriptor = open_child(node.place, node.info)
    except FilesError as error:
        progress.files -= 1
        raise _LeftOut(error) from error
    try:
        info = os.fstat(descriptor)
        writer.add(name, info, None, _Content(descriptor, node.place.path, progress))
    finally:
        os.close(descriptor)


def _common_start(paths: List[bytes]) -> int:
    """How many bytes of all paths are those of their common directory, with its slash."""
    parts = [path.split(b"/")[:-1] for path in paths]
    common = 0
    for index, name in enumerate(parts[0]):
        if any(names[index : index + 1] != [name] for names in parts):
            break
        common += len(name) + 1
    return common
