"""A service with storages: the files API over folders of the test, and nothing behind it.

As the real API: paths are relative to a storage, every byte outside of unreserved characters and
`/` is percent-encoded. What a test wants refused stands in `refusals` by the call, such as
`POST home/rename`.
"""

import asyncio
import base64
import contextlib
import grp
import json
import mimetypes
import os
import pwd
import shutil
import stat
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_from_bytes, unquote_to_bytes

from tornado import web

from .stub import PREFIX, Handler, Stub

URL = f"{PREFIX}files/"
TYPES = {
    stat.S_IFDIR: "directory",
    stat.S_IFREG: "file",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}
Refusal = tuple[int, str]


def make_storage(storage: str = "home", **changes: Any) -> dict[str, Any]:
    """A storage as the API shows it."""
    described: dict[str, Any] = {
        "id": storage,
        "name": "Home",
        "description": "Your files on this machine.",
        "type": "posix",
        "computing": [{"id": "local", "name": "This machine"}],
        "bind_path": "/home/metauser",
        "home": True,
        "read_only": False,
    }
    return described | changes


class FilesStub(Stub):
    """A service with storages, whose files are in folders of the test."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory
        self.storages: dict[str, dict[str, Any]] = {}
        self.usage: dict[str, dict[str, int]] = {}
        self.uploads: dict[str, dict[str, Any]] = {}
        self.tickets: dict[str, list[Path]] = {}
        self.copies: dict[str, dict[str, Any]] = {}
        self.copy_streams: set[CopyEvents] = set()
        self.previews: dict[str, Any] = {}
        self.images: dict[str, bytes] = {}
        # Sent with each conditional write.
        self.conditions: list[str] = []
        # Bytes after which an upload's next request is refused with 503, once.
        self.interrupt_at: int | None = None
        self.uploads_held = asyncio.Event()
        self.uploads_held.set()

    def add(self, *storages: dict[str, Any]) -> None:
        """Storages, and their folders."""
        for storage in storages:
            self.storages[storage["id"]] = storage
            self.usage[storage["id"]] = {"total": 100 << 30, "used": 40 << 30, "free": 60 << 30}
            (self.directory / storage["id"]).mkdir()

    def file(self, path: str, content: str | bytes = "") -> Path:
        """Write a file, `STORAGE/PATH`, with the folders above it."""
        target = self.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def put_copy(self, copy: dict[str, Any]) -> None:
        """Keep a copy, and tell every page."""
        self.copies[copy["id"]] = copy
        for stream in self.copy_streams:
            stream.send("copy", copy)

    def cut(self) -> None:
        """End all streams."""
        super().cut()
        self.uploads_held.set()
        for stream in self.copy_streams:
            stream.ended.set()

    def _application(self) -> web.Application:
        application = super()._application()
        mine = {"stub": self}
        storage = rf"{PREFIX}api/v1/storages/([^/]+)"
        routes = [
            (rf"{PREFIX}files/.*", FilesPage, mine),
            (rf"{PREFIX}api/v1/storages", Storages, mine),
            (rf"{storage}/uploads(?:/([^/]+))?", Uploads, mine),
            (rf"{storage}/archive(?:/([^/]+))?", Archive, mine),
            (rf"{storage}(?:/([a-z]+)(?:/.*)?)?", StorageApi, mine),
            (rf"{PREFIX}api/v1/copies/events", CopyEvents, mine),
            (rf"{PREFIX}api/v1/copies(?:/([^/]+))?", Copies, mine),
        ]
        application.add_handlers(r".*", routes)
        return application


class FilesPage(Handler):
    """The page."""

    def get(self) -> None:
        """Render it."""
        self.page("files.html")


class FilesApi(Handler):
    """What the handlers of the API share."""

    stub: FilesStub

    def decode_argument(self, value: bytes | None, name: str | None = None) -> str | None:  # type: ignore[override]
        """Names are bytes; what an address may lack is None."""
        return None if value is None else value.decode("utf-8", "surrogateescape")

    async def prepare(self) -> None:
        """Keep the call, or refuse it."""
        call = self.request.path.removeprefix(f"{PREFIX}api/v1/").removeprefix("storages/")
        self.stub.calls.append((str(self.request.method), call))
        if not self.allowed():
            return
        if refusal := self.stub.refusals.get(f"{self.request.method} {call}"):
            self.message(*refusal)

    def resolve(self, storage: str, path: str) -> Path:
        """Where an encoded path is."""
        return self.stub.directory / storage / os.fsdecode(unquote_to_bytes(path))

    def rest(self, storage: str, verb: str) -> str:
        """The path of an address, encoded as it came."""
        return self.request.path.removeprefix(f"{PREFIX}api/v1/storages/{storage}/{verb}/")

    def view(self, storage: str, path: Path) -> dict[str, Any]:
        """An entry."""
        status = path.lstat()
        encoded = os.fsencode(path.relative_to(self.stub.directory / storage))
        view = {
            "name": os.fsencode(path.name).decode(errors="backslashreplace"),
            "path": "" if encoded == b"." else quote_from_bytes(encoded),
            "type": TYPES.get(stat.S_IFMT(status.st_mode), "device"),
            "size": status.st_size,
            "modified": status.st_mtime,
            "mode": stat.S_IMODE(status.st_mode),
            "owner": pwd.getpwuid(status.st_uid).pw_name,
            "group": grp.getgrgid(status.st_gid).gr_name,
            "etag": f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}",
            "media_type": mimetypes.guess_type(path.name)[0] or "application/octet-stream",
        }
        if path.is_symlink():
            kind = "directory" if path.is_dir() else "file" if path.is_file() else None
            view |= {"target": str(path.readlink()), "target_type": kind}
        return view

    def json(self) -> Any:
        """The body."""
        return json.loads(self.request.body or b"{}")

    def found(self, path: Path) -> bool:
        """Whether something is there; answered where nothing is."""
        if path.is_symlink() or path.exists():
            return True
        self.message(404, "There is nothing at this path. It may have been renamed or deleted.")
        return False

    def is_taken(self, path: Path) -> bool:
        """Whether the name is taken; answered where it is."""
        if path.is_symlink() or path.exists():
            self.message(409, f"{path.name} exists already. Choose another name.")
            return True
        return False


class Storages(FilesApi):
    """`api/v1/storages`."""

    def get(self) -> None:
        """All of them."""
        self.finish({"storages": list(self.stub.storages.values())})


class StorageApi(FilesApi):
    """`api/v1/storages/ID` and most of what is below."""

    async def get(self, storage: str, verb: str | None) -> None:
        """Read something."""
        if verb is None:
            described = self.stub.storages[storage]
            self.finish({**described, "usage": self.stub.usage[storage], "account": "alice"})
            return
        path = self.resolve(storage, self.rest(storage, verb))
        if self.found(path):
            {"list": self.list, "entry": self.entry, "file": self.read, "preview": self.preview}[
                verb
            ](storage, path)

    def list(self, storage: str, path: Path) -> None:
        if not path.is_dir():
            self.set_status(400)
            self.finish({"detail": f"{path.name} is not a folder.", "code": "not_directory"})
            return
        by_name = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        entries = [self.view(storage, item) for item in path.iterdir()]
        entries = [
            entry for entry in entries if by_name.get("filter", "").lower() in entry["name"].lower()
        ]
        if not by_name.get("hidden"):
            entries = [entry for entry in entries if not entry["name"].startswith(".")]
        key = by_name.get("sort", "name")
        entries.sort(key=lambda entry: (entry[key], entry["name"]), reverse="reverse" in by_name)
        entries.sort(key=lambda entry: entry["type"] != "directory")
        offset, limit = int(by_name.get("offset", 0)), int(by_name.get("limit", 1000))
        value = entries[offset : offset + limit]
        view = self.view(storage, path)
        listing = {"entry": view, "entries": value, "total": len(entries), "offset": offset}
        self.finish({"path": view["path"], **listing})

    def entry(self, storage: str, path: Path) -> None:
        self.finish(self.view(storage, path))

    def read(self, storage: str, path: Path) -> None:
        view = self.view(storage, path)
        self.set_header("Content-Type", view["media_type"])
        self.set_header("Content-Security-Policy", "sandbox; default-src 'none'")
        self.set_header("Etag", f'"{view["etag"]}"')
        if self.get_query_argument("download", ""):
            name = f"attachment; filename*=UTF-8''{quote(os.fsencode(path.name))}"
            self.set_header("Content-Disposition", name)
        self.finish(path.read_bytes())

    def preview(self, storage: str, path: Path) -> None:
        """What the test says; text by itself."""
        if self.get_query_argument("kind") == "image":
            self.set_header("Content-Type", "image/png")
            self.finish(self.stub.images[path.name])
        elif answer := self.stub.previews.get(path.name):
            self.finish(answer)
        else:
            text = path.read_bytes().decode(errors="replace")
            etag = self.view(storage, path)["etag"]
            self.finish({"text": text, "encoding": "utf-8", "truncated": False, "etag": etag})

    def put(self, storage: str, verb: str) -> None:
        """Write a whole file."""
        path = self.resolve(storage, self.rest(storage, verb))
        answer = self.request.headers.get("If-Match", "")
        self.stub.conditions.append(answer or self.request.headers["If-None-Match"])
        present = f'"{self.view(storage, path)["etag"]}"' if path.exists() else ""
        if answer != present:
            self.message(412, f"{path.name} has changed meanwhile.")
            return
        path.write_bytes(self.request.body)
        self.finish(self.view(storage, path))

    def post(self, storage: str, verb: str) -> None:
        """Change something."""
        {"folder": self.folder, "rename": self.rename, "remove": self.remove, "mode": self.mode}[
            verb
        ](storage)

    def folder(self, storage: str) -> None:
        path = self.resolve(storage, self.rest(storage, "folder"))
        if not self.is_taken(path):
            path.mkdir(parents=True)
            self.set_status(201)
            self.finish(self.view(storage, path))

    def rename(self, storage: str) -> None:
        body = self.json()
        old, new = self.resolve(storage, body["from"]), self.resolve(storage, body["to"])
        if self.found(old) and (body["overwrite"] or not self.is_taken(new)):
            old.replace(new)
            self.finish(self.view(storage, new))

    def remove(self, storage: str) -> None:
        body = self.json()
        paths = [self.resolve(storage, path) for path in body["paths"]]
        inside = [item for path in paths for item in (path, *path.rglob("*"))]
        files = [item for item in inside if not item.is_dir() or item.is_symlink()]
        if not body["dry_run"]:
            for path in paths:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            self.finish({"files": 0, "folders": 0, "bytes": 0})
            return
        size = sum(file.lstat().st_size for file in files)
        self.finish({"files": len(files), "folders": len(inside) - len(files), "bytes": size})

    def mode(self, storage: str) -> None:
        body = self.json()
        path = self.resolve(storage, body["path"])
        path.chmod(body["mode"])
        self.finish(self.view(storage, path))


class Uploads(FilesApi):
    """tus 1.0.0."""

    async def prepare(self) -> None:
        """As a server that is interrupted now and then."""
        await super().prepare()
        self.set_header("Tus-Resumable", "1.0.0")
        await self.stub.uploads_held.wait()

    async def post(self, storage: str, _upload: str | None) -> None:
        """Begin."""
        pairs = [part.split(" ") for part in self.request.headers["Upload-Metadata"].split(",")]
        metadata = {key: base64.b64decode(value).decode() for key, value in pairs}
        path = self.resolve(storage, metadata["path"])
        conflict = metadata.get("conflict", "fail")
        if conflict == "fail" and self.is_taken(path):
            return
        while conflict == "rename" and path.exists():
            path = path.with_name(f"{path.stem} (2){path.suffix}")
        name = f"u{len(self.stub.uploads)}"
        length = int(self.request.headers["Upload-Length"])
        self.stub.uploads[name] = metadata | {"path": path, "length": length, "data": b""}
        self.set_status(201)
        self.set_header("Location", f"{PREFIX}api/v1/storages/{storage}/uploads/{name}")
        self.end(name)

    async def head(self, _storage: str, upload: str) -> None:
        """How far it is."""
        if upload not in self.stub.uploads:
            self.set_status(404)
            return
        self.set_header("Upload-Length", str(self.stub.uploads[upload]["length"]))
        self.set_header("Cache-Control", "no-store")
        self.end(upload)

    async def patch(self, _storage: str, upload: str) -> None:
        """A piece."""
        value, body = self.stub.uploads[upload], self.request.body
        assert int(self.request.headers["Upload-Offset"]) == len(value["data"])
        if self.stub.interrupt_at is not None:
            value["data"] += body[: self.stub.interrupt_at]
            self.stub.interrupt_at = None
            self.message(503, "The service is starting.")
            return
        value["data"] += body
        self.set_status(204)
        self.end(upload)

    async def delete(self, _storage: str, upload: str) -> None:
        """Give it up."""
        self.stub.uploads.pop(upload)
        self.set_status(204)

    def end(self, upload: str) -> None:
        """Say how far it is; the file is there when it is complete."""
        value = self.stub.uploads[upload]
        self.set_header("Upload-Offset", str(len(value["data"])))
        if len(value["data"]) == value["length"]:
            value["path"].write_bytes(value["data"])


class Archive(FilesApi):
    """A selection as one file."""

    def post(self, storage: str, _ticket: str | None) -> None:
        """Say how large, and where it is to be had."""
        body = self.json()
        paths = [self.resolve(storage, path) for path in body["paths"]]
        files = [item for path in paths for item in (path, *path.rglob("*")) if item.is_file()]
        ticket = f"t{len(self.stub.tickets)}"
        self.stub.tickets[ticket] = files
        url = f"{PREFIX}api/v1/storages/{storage}/archive/{ticket}"
        size = sum(file.stat().st_size for file in files)
        self.finish({"url": url, "files": len(files), "bytes": size})

    def get(self, storage: str, ticket: str) -> None:
        """The archive, once."""
        directory = self.stub.directory / f"{ticket}.zip"
        with zipfile.ZipFile(directory, "w") as archive:
            for path in self.stub.tickets.pop(ticket):
                archive.write(path, path.relative_to(self.stub.directory / storage))
        self.set_header("Content-Disposition", 'attachment; filename="files.zip"')
        self.finish(directory.read_bytes())


class Copies(FilesApi):
    """Copies, which the test carries on itself."""

    def get(self, _copy: str | None) -> None:
        """All of them."""
        self.finish({"copies": list(self.stub.copies.values())})

    def post(self, _copy: str | None) -> None:
        """Begin one, unless names are taken."""
        body = self.json()
        source, target = body["from"], body["to"]
        folder = self.resolve(target["storage"], target["path"])
        names = [os.fsdecode(unquote_to_bytes(path)).split("/")[-1] for path in source["paths"]]
        value = [name for name in names if (folder / name).exists()]
        if value and body["conflict"] is None:
            answer = {"detail": "Names are taken.", "conflicts": value, "total": len(value)}
            self.set_status(409)
            self.finish(answer)
            return
        copy = make_copy(f"c{len(self.stub.copies)}", **{"from": source, "to": target})
        self.stub.put_copy(copy | {"conflict": body["conflict"]})
        self.finish(copy)

    def delete(self, copy: str) -> None:
        """Cancel, or forget."""
        value = self.stub.copies[copy]
        if value["state"] in ("queued", "running"):
            self.stub.put_copy(value | {"state": "cancelled", "message": "Cancelled."})
        else:
            del self.stub.copies[copy]
        self.finish({})


class CopyEvents(FilesApi):
    """`GET api/v1/copies/events`."""

    async def get(self) -> None:
        """Stream until the page goes."""
        self.ended = asyncio.Event()
        self.set_header("Content-Type", "text/event-stream")
        self.stub.copy_streams.add(self)
        for copy in self.stub.copies.values():
            self.send("copy", copy)
        self.write(": here\n\n")
        await self.flush()
        await self.ended.wait()
        self.stub.copy_streams.discard(self)

    def on_connection_close(self) -> None:
        """The page is gone."""
        self.ended.set()

    def send(self, kind: str, data: dict[str, Any]) -> None:
        """One event."""
        self.write(f"event: {kind}\ndata: {json.dumps(data)}\n\n")
        self.flush().add_done_callback(lambda result: result.exception())


def make_copy(copy: str, **changes: Any) -> dict[str, Any]:
    """A copy as the API shows it: it runs, unless changed."""
    return {
        "id": copy,
        "state": "running",
        "from": {"storage": "home", "paths": ["data"]},
        "to": {"storage": "scratch", "path": ""},
        "bytes": 0,
        "total_bytes": 0,
        "files": 0,
        "total_files": 0,
        "rate": 0,
        "seconds_left": None,
        "message": "",
        "problems": [],
        "problem_count": 0,
        "created": "2026-01-01T10:00:00Z",
        "ended": None,
    } | changes


@contextlib.asynccontextmanager
async def serve_files(directory: Path) -> AsyncIterator[FilesStub]:
    """A service with a home and a scratch storage, both empty."""
    stub = FilesStub(directory)
    scratch = {"name": "Scratch", "description": "Fast, and emptied every month.", "home": False}
    stub.add(make_storage(), make_storage("scratch", **scratch, bind_path="/storages/scratch"))
    server = stub.listen()
    yield stub
    stub.cut()
    server.stop()
    await server.close_all_connections()


def fill_storage(stub: FilesStub) -> None:
    """Something of everything."""
    for folder in ("data", "notebooks", "figures", "old results"):
        stub.file(f"home/{folder}/readme.txt", "About this folder.\n")
    stub.file("home/notes.md", "# Notes\n\nThe *second* run is the good one.\n")
    stub.file("home/reduce.py", 'import numpy as np\n\n\ndef reduce(path):\n    """Reduce."""\n')
    stub.file("home/sources.csv", "name,ra,dec\nNGC 1333,52.29,31.23\nL1448,51.40,30.75\n")
    stub.file("home/spectrum.fits", bytes(2880))
    stub.file("home/analysis.ipynb", "{}")
    stub.file("home/observations 2026-11.tar.gz", bytes(350000))
    stub.file("home/.bashrc", "export EDITOR=vi\n")
    (stub.directory / "home/latest").symlink_to("data")
    os.mkfifo(stub.directory / "home/pipe")
