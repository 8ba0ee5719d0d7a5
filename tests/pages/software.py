"""A service with software of users' own, and registries that can be looked up."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from tornado import web

from .families import AMONRA, LOCAL, family
from .stub import PREFIX, Handler, Stub

URL = f"{PREFIX}software"
DIGEST = "sha256:" + "ab" * 32
OTHER_DIGEST = "sha256:" + "cd" * 32
MINE = {"kind": "user", "name": "alice"}
GROUP = {"kind": "group", "name": "astro"}
PLATFORM = {"kind": "platform", "name": ""}


def make_image(**changes: Any) -> dict[str, Any]:
    """What a registry says of an image: one of two architectures, unless changed."""
    return {
        "image": "ghcr.io/org/sky-viewer:1.2",
        "registry": "ghcr.io",
        "image_name": "org/sky-viewer",
        "image_tag": "1.2",
        "digest": DIGEST,
        "tags": ["1.0", "1.2", "latest"],
        "archs": [
            {"os": "linux", "arch": arch, "variant": "", "digest": DIGEST, "size": 300 << 20}
            for arch in ("amd64", "arm64")
        ],
        "size": 300 << 20,
        "ports": [8080],
        "labels": {"org.opencontainers.image.description": "Shows the sky."},
        "user": "",
        "entrypoint": [],
        "command": ["serve"],
        "problems": [],
    } | changes


class SoftwareStub(Stub):
    """A service with software: `versions` by id are what users have added."""

    def __init__(self) -> None:
        super().__init__()
        self.versions: dict[str, dict[str, Any]] = {}
        self.access: dict[str, Any] = {
            "may_add": True,
            "power": False,
            "groups": ["astro"],
            "registries": [],
            "power_groups": ["power"],
        }
        self.builds_url = ""
        self.images: dict[str, dict[str, Any]] = {"ghcr.io/org/sky-viewer:1.2": make_image()}
        self.looked_up: list[str] = []
        self.let_on = asyncio.Event()
        self.let_on.set()
        self.bodies: list[Any] = []
        self.logos: dict[str, tuple[str, bytes]] = {}
        self.updates: list[dict[str, Any]] = []
        self.dropped: list[str] = []
        self.favourites: set[str] = set()

    def add(
        self, family_id: str, tag: str = "1.0", owner: Any = None, **entry: Any
    ) -> dict[str, Any]:
        """A version of a user's or a group's; returns its document."""
        document = {
            "name": family_id.title(),
            "registry": "ghcr.io",
            "image_name": f"org/{family_id}",
        }
        version = {
            "id": f"{len(self.versions) + 1:012x}",
            "family": family_id,
            "owner": owner or MINE,
            "created_by": "alice",
            "revision": 1,
            "entry": document | {"image_tag": tag} | entry,
            "created": "2026-01-01T10:00:00Z",
            "updated": "2026-01-01T10:00:00Z",
            "digest": None,
            "build": None,
            "refused": None,
            "updated_by": "alice",
        }
        self.versions[str(version["id"])] = version
        return version

    def change(self, version: dict[str, Any], **entry: Any) -> None:
        """Somebody else edits a version."""
        version["revision"] += 1
        version["entry"] |= entry

    def shown(self) -> list[dict[str, Any]]:
        """All families as the API shows them: users' first, then the platform's."""
        families: dict[str, dict[str, Any]] = {}
        for version in self.versions.values():
            entry = version["entry"]
            document = families.setdefault(version["family"], self._describe(version))
            image = f"{entry.get('registry')}/{entry['image_name']}:{entry.get('image_tag')}"
            document["versions"].append(
                {
                    "tag": entry.get("image_tag", "latest"),
                    "default": not document["versions"],
                    "computing": [LOCAL | {"support": "native"}],
                    "unavailable": [],
                    "id": version["id"],
                    "revision": version["revision"],
                    "image": image,
                    "digest": version["digest"],
                    "refused": version["refused"],
                }
            )
        platform = [family | {"owner": PLATFORM, "editable": False} for family in self.families]
        described = [
            {"uses": 0, "last_used": None} | item | {"favourite": item["id"] in self.favourites}
            for item in [*families.values(), *platform]
        ]
        return sorted(described, key=lambda item: not item["favourite"])

    def _describe(self, version: dict[str, Any]) -> dict[str, Any]:
        entry, family_id = version["entry"], version["family"]
        logo = f"{PREFIX}api/v1/software/{family_id}/logo" if family_id in self.logos else ""
        tags = entry.get("keywords", [])
        result = family(entry["name"], entry.get("description", ""), tags, versions=[])
        return result | {"id": family_id, "logo": logo, "owner": version["owner"], "editable": True}

    def _application(self) -> web.Application:
        application = super()._application()
        mine = {"stub": self}
        api = rf"{PREFIX}api/v1/software"
        routes: list[Any] = [
            (URL, SoftwarePage, mine),
            (api, SoftwareList, mine),
            (rf"{api}/versions/([0-9a-f]+)(/duplicate)?", VersionApi, mine),
            (rf"{api}/([a-z0-9-]+)", FamilyApi, mine),
            (rf"{api}/([a-z0-9-]+)/duplicate", DuplicateApi, mine),
            (rf"{api}/([a-z0-9-]+)/updates", UpdatesApi, mine),
            (rf"{api}/([a-z0-9-]+)/logo", LogoApi, mine),
            (rf"{api}/([a-z0-9-]+)/favourite", FavouriteApi, mine),
            (rf"{PREFIX}api/v1/images", ImagesApi, mine),
        ]
        application.add_handlers(r".*", routes)
        return application


class SoftwarePage(Handler):
    """The page."""

    stub: SoftwareStub

    def get(self) -> None:
        """Render it."""
        access = self.stub.access
        self.page("software.html", access=access, builds_url=self.stub.builds_url)


class SoftwareHandler(Handler):
    """What the handlers of the API share."""

    stub: SoftwareStub

    async def prepare(self) -> None:
        """Keep the call, or refuse it."""
        path = self.request.path.removeprefix(PREFIX)
        self.stub.calls.append((str(self.request.method), path))
        if "json" in self.request.headers.get("Content-Type", ""):
            self.stub.bodies.append(json.loads(self.request.body))
        if not self.allowed():
            return
        if refusal := self.stub.refusals.get(f"{self.request.method} {path}"):
            self.message(*refusal)

    def is_present(self, version: dict[str, Any]) -> bool:
        """Whether the version is still the one that the request is about."""
        if self.request.headers.get("If-Match") == f'"{version["revision"]}"':
            return True
        self.set_status(412)
        self.finish({"detail": "Bob has changed it meanwhile.", "version": version})
        return False


class SoftwareList(SoftwareHandler):
    """`api/v1/software`."""

    def get(self) -> None:
        """All families."""
        self.finish({"software": self.stub.shown()})

    def post(self) -> None:
        """Add a version: to the family of the same image, or with a family of its own."""
        entry = self.stub.bodies[-1]
        owner, digest = entry.pop("owner"), entry.pop("digest")
        same = [
            version["family"]
            for version in self.stub.versions.values()
            if version["owner"] == owner and version["entry"]["image_name"] == entry["image_name"]
        ]
        family_id = same[0] if same else f"software-{len(self.stub.versions) + 1}"
        version = self.stub.add(family_id, entry.get("image_tag", "latest"), owner)
        version |= {"entry": entry, "digest": digest}
        self.set_status(201)
        self.finish(version)


class VersionApi(SoftwareHandler):
    """`api/v1/software/versions/<id>`."""

    def get(self, version: str, _: str | None) -> None:
        """The document."""
        self.finish(self.stub.versions[version])

    def put(self, version: str, _: str | None) -> None:
        """Another entry."""
        result = self.stub.versions[version]
        if self.is_present(result):
            result["revision"] += 1
            result["digest"] = self.stub.bodies[-1].pop("digest")
            result["entry"] = self.stub.bodies[-1]
            self.finish(result)

    def delete(self, version: str, _: str | None) -> None:
        """Forget it."""
        if self.is_present(self.stub.versions[version]):
            del self.stub.versions[version]
            self.finish({})

    def post(self, version: str, _: str | None) -> None:
        """Duplicate."""
        copy = self.stub.add("copy", **self.stub.versions[version]["entry"])
        self.set_status(201)
        self.finish(copy)


class FamilyApi(SoftwareHandler):
    """`api/v1/software/<family>`."""

    def delete(self, family_id: str) -> None:
        """Forget all versions."""
        for key in [
            key for key, version in self.stub.versions.items() if version["family"] == family_id
        ]:
            del self.stub.versions[key]
        self.finish({})


class DuplicateApi(SoftwareHandler):
    """`api/v1/software/<family>/duplicate`."""

    def post(self, family_id: str) -> None:
        """A copy of an entry of the platform."""
        name = next(family["name"] for family in self.stub.families if family["id"] == family_id)
        copy = self.stub.add("copy", self.get_query_argument("version"), name=name)
        self.set_status(201)
        self.finish({**copy, "dropped": self.stub.dropped})


class UpdatesApi(SoftwareHandler):
    """`api/v1/software/<family>/updates`."""

    def get(self, _card: str) -> None:
        """What the test says."""
        self.finish({"updates": self.stub.updates})


class FavouriteApi(SoftwareHandler):
    """`api/v1/software/<family>/favourite`."""

    def put(self, family_id: str) -> None:
        """It is one."""
        self.stub.favourites.add(family_id)
        self.finish({})

    def delete(self, family_id: str) -> None:
        """It is none any more."""
        self.stub.favourites.discard(family_id)
        self.finish({})


class LogoApi(SoftwareHandler):
    """`api/v1/software/<family>/logo`."""

    def put(self, family_id: str) -> None:
        """Keep it."""
        self.stub.logos[family_id] = (self.request.headers["Content-Type"], self.request.body)
        self.finish({})

    def get(self, family_id: str) -> None:
        """The picture."""
        kind, body = self.stub.logos[family_id]
        self.set_header("Content-Type", kind)
        self.finish(body)


class ImagesApi(SoftwareHandler):
    """`api/v1/images`."""

    async def get(self) -> None:
        """What is known of the image, when the test says so."""
        image = self.get_query_argument("image")
        self.stub.looked_up.append(image)
        await self.stub.let_on.wait()
        if answer := self.stub.images.get(image):
            self.finish(answer)
        else:
            self.message(404, f"There is no image {image} in its registry.")


def fill(stub: SoftwareStub) -> None:
    """Families of all owners, one that a policy refuses, one that runs emulated."""
    stub.add("sky-viewer", "1.2", description="Shows the sky.", keywords=["astronomy", "web"])
    stub.add("sky-viewer", "1.0", description="Shows the sky.", keywords=["astronomy", "web"])
    refused = stub.add("old-tool", "0.1", name="Old tool", description="Reduces spectra.")
    refused["refused"] = "The scanner found 3 critical vulnerabilities in this image."
    stub.add("pipeline", "2.0", owner=GROUP, keywords=["astronomy"], created_by="bob")
    casa = next(family for family in stub.families if family["id"] == "casa")
    casa["versions"][0]["computing"] = [AMONRA | {"support": "emulated"}]
    reason = "the image is made for arm64, and this resource runs amd64"
    casa["versions"][0]["unavailable"] = [{"id": "vega", "name": "Vega", "reason": reason}]


@contextlib.asynccontextmanager
async def serve_software() -> AsyncIterator[SoftwareStub]:
    """A service without software."""
    stub = SoftwareStub()
    server = stub.listen()
    yield stub
    stub.let_on.set()
    stub.cut()
    server.stop()
    await server.close_all_connections()
