"""What commands ask of a hub that has what the hub of the other tests has not."""

import json
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from rosetta_hub.copies.view import CopySource, CopyTarget, CopyView
from rosetta_hub.software.view import VersionView
from rosetta_hub.web.images_api import ImageView
from tests.rights.conftest import serve

from .conftest import Done, Run

pytestmark = pytest.mark.asyncio(loop_scope="session")

TIME = "2026-01-02T03:04:05Z"
# Made by the hub's own models, so they are what it answers.
_COPY: dict[str, Any] = {
    **{"id": "0123456789ab", "state": "running", "conflict": "rename", "cancelling": False},
    "source": CopySource(storage="home", paths=["a"]),
    "target": CopyTarget(storage="data", path="b", names=["a"]),
    **{"task": None, "stage": None, "bytes": 1, "total_bytes": 2, "files": 0, "total_files": 1},
    **{"rate": None, "seconds_left": None, "message": "Copying.", "problems": []},
    **{"problem_count": 0, "created": TIME, "started": TIME, "ended": None},
}
COPY = CopyView(**_COPY).model_dump(mode="json", by_alias=True)
ENDED = {**COPY, "state": "done", "bytes": 2, "ended": TIME, "message": "Copied."}
PROBLEM = {"path": "a%20b", "message": "It may not be read."}
_IMAGE: dict[str, Any] = {
    **{"image": "ghcr.io/org/app:1.2", "registry": "ghcr.io", "image_name": "org/app"},
    **{"image_tag": "1.2", "digest": "sha256:00", "tags": ["1.2"], "archs": [], "size": 1},
    **{"ports": [8080], "labels": {}, "user": "", "entrypoint": [], "command": []},
    **{"problems": []},
}
IMAGE = ImageView(**_IMAGE).model_dump(mode="json")
OWNER = {"kind": "group", "name": "team"}
_VERSION: dict[str, Any] = {
    **{"id": "0123456789ab", "family": "team-app", "owner": OWNER, "entry": {}, "digest": None},
    **{"build": None, "refused": None, "revision": 1, "created": TIME, "created_by": "alice"},
    **{"updated": TIME, "updated_by": "alice"},
}
VERSION = VersionView(**_VERSION).model_dump(mode="json")


class Hub(RequestHandler):
    """Answers what the test has said, and keeps the bodies that it gets."""

    def initialize(self, answers: dict[str, Any], bodies: list[Any]) -> None:
        """What the test has said, and where bodies are kept."""
        self.answers, self.bodies = answers, bodies

    def get(self, path: str) -> None:
        """The answer of this address."""
        self.finish(self.answers[f"{self.request.method} {path}"])

    def post(self, path: str) -> None:
        """The same, after the body was kept."""
        self.bodies.append(json.loads(self.request.body))
        self.get(path)


async def run(rosetta: Run, *arguments: str, answers: dict[str, Any]) -> tuple[Done, list[Any]]:
    """A command at such a hub; returns how it ended, and the bodies that it has sent."""
    bodies: list[Any] = []
    route = (r"/services/rosetta/api/v1/(.*)", Hub, {"answers": answers, "bodies": bodies})
    async with serve(HTTPServer(Application([route]))) as port:
        return await rosetta(*arguments, ROSETTA_HUB=f"http://127.0.0.1:{port}"), bodies


async def test_a_copy_is_followed_to_its_end(rosetta: Run) -> None:
    answers = {
        "GET storages/data/entry/b": {"type": "directory"},
        **{"POST copies": COPY, f"GET copies/{COPY['id']}": ENDED},
    }
    command = ("files", "cp", "home:a b", "data:b", "--conflict", "rename")
    result, bodies = await run(rosetta, *command, answers=answers)
    assert result.code == 0, result.err
    source, target = {"storage": "home", "paths": ["a%20b"]}, {"storage": "data", "path": "b"}
    assert bodies == [{"from": source, "to": target, "conflict": "rename"}]


async def test_copies_go_to_a_folder(rosetta: Run) -> None:
    answers = {"GET storages/data/entry/b": {"type": "file"}}
    result, bodies = await run(rosetta, "files", "cp", "home:a", "data:b", answers=answers)
    assert (result.code, bodies) == (1, [])
    assert "data:b is no folder. Copies keep their names" in result.err


async def test_what_was_not_copied_is_named(rosetta: Run) -> None:
    ended = {**ENDED, "problems": [PROBLEM], "problem_count": 1, "message": "One is missing."}
    command = ("files", "cp", "home:a b", "data:")
    result, bodies = await run(rosetta, *command, answers={"POST copies": ended})
    assert (result.code, bodies[0]["to"]["path"]) == (1, "")
    assert "a b: It may not be read." in result.err
    assert "One is missing." in result.err


async def test_software_of_a_group_is_added(rosetta: Run) -> None:
    answers = {"GET images": IMAGE, "POST software": VERSION}
    command = ("software", "add", IMAGE["image"], "--group", "team", "--path", "/lab")
    result, bodies = await run(rosetta, *command, answers=answers)
    assert (result.code, "Software  team-app" in result.out) == (0, True), result.err
    assert bodies == [
        {
            **{"name": "app", "owner": OWNER, "registry": "ghcr.io", "image_name": "org/app"},
            **{"image_tag": "1.2", "digest": "sha256:00"},
            **{"interface_port": 8080, "interface_path": "/lab"},
        }
    ]
