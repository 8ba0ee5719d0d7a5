"""Writers of tar and zip archives that are sent while they are made."""

import io
import os
import stat
import tarfile
import time
import zipfile
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple, Union

from rosetta_agent.files.channel import Channel, OperationProgress
from rosetta_agent.files.entries import account_name, group_name
from rosetta_agent.files.errors import FilesError, escape
from rosetta_agent.files.frames import encode_path

Content = Iterator[memoryview]
_OLDEST_DATE, _LATEST_DATE = (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58)
# Where zip needs numbers of 64 bits; a file is not read beyond the size that it had.
_ZIP64 = 0x7FFF0000
# Bytes that are sent as they come, without being copied.
_LARGE = 64 << 10
_REPORT = "NOT-INCLUDED.txt"
_NAMES = "NAMES.txt"


def send_tar(channel: Channel, fill: Callable[[Any], Dict[str, Any]]) -> Dict[str, Any]:
    """Send a tar archive (POSIX.1-2001); ``fill`` adds the entries and returns the answer."""
    output = _Output(channel)
    writer = _TarWriter(output)
    summary = fill(writer)
    writer.finish()
    output.finish()
    return summary


def send_zip(channel: Channel, fill: Callable[[Any], Dict[str, Any]]) -> Dict[str, Any]:
    """Send a zip archive, not compressed; ``fill`` adds the entries and returns the answer."""
    output = _Output(channel)
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        writer = _ZipWriter(archive)
        summary = fill(writer)
        writer.finish()
    output.finish()
    return summary


class Omissions:
    """What an archive can't have."""

    def __init__(self) -> None:
        self._lines: List[str] = []

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, path: bytes, error: FilesError) -> None:
        """Remember a path and the reason."""
        self._lines.append("{}: {}".format(escape(path), error.message))

    def report(self, writer: Any) -> None:
        """Add a file that names them, if there are any."""
        if self._lines:
            text = "These could not be read, or are no files:\n\n{}\n"
            writer.add_text(_REPORT, text.format("\n".join(self._lines)))


class _Output(io.RawIOBase):
    """Sends what an archive writes; small pieces are collected first."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel
        self._buffer = bytearray()

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: Any) -> int:
        """Send large data at once, and small data when it is enough."""
        if len(data) < _LARGE:
            self._buffer += data
        if len(data) >= _LARGE or len(self._buffer) >= _LARGE:
            self.finish()
        if len(data) >= _LARGE:
            self._channel.send_data(memoryview(data))
        return len(data)

    def finish(self) -> None:
        """Send the rest."""
        self._channel.send_data(memoryview(bytes(self._buffer)))
        self._buffer.clear()


class _TarWriter:
    """Writes a tar archive: a header, content and padding for each entry."""

    def __init__(self, output: _Output) -> None:
        self._output = output
        self._size = 0

    def add(
        self, name: bytes, info: os.stat_result, link: Optional[bytes], content: Optional[Content]
    ) -> None:
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
        self._add(member, content or ())

    def add_text(self, name: str, text: str) -> None:
        """Add a file that we have written."""
        content = text.encode("utf-8")
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = len(content), 0o644, int(time.time())
        self._add(member, [memoryview(content)])

    def finish(self) -> None:
        """The end: two empty blocks, and as many as fill a record."""
        self._write(bytes(2 * tarfile.BLOCKSIZE))
        self._write(bytes(-self._size % tarfile.RECORDSIZE))

    def _add(self, member: tarfile.TarInfo, content: Iterable[memoryview]) -> None:
        self._write(member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
        for chunk in content:
            self._write(chunk)
        self._write(bytes(-member.size % tarfile.BLOCKSIZE))

    def _write(self, data: Union[bytes, memoryview]) -> None:
        self._size += self._output.write(data)


class _ZipWriter:
    """Adds entries to a zip archive."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._escaped: List[str] = []

    def add(
        self, name: bytes, info: os.stat_result, link: Optional[bytes], content: Optional[Content]
    ) -> None:
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
        with self._archive.open(member, "w", force_zip64=info.st_size > _ZIP64) as file:
            for chunk in content:
                file.write(chunk)

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


def common_start(paths: List[bytes]) -> int:
    """How many bytes of all paths are those of their common directory, with its slash."""
    parts = [path.split(b"/")[:-1] for path in paths]
    common = 0
    for index, name in enumerate(parts[0]):
        if any(names[index : index + 1] != [name] for names in parts):
            break
        common += len(name) + 1
    return common


def count_content(content: Content, progress: OperationProgress) -> Content:
    """The content, while its bytes are counted."""
    for chunk in content:
        progress.bytes += len(chunk)
        yield chunk
