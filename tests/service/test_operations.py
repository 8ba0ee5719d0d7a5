"""What `@operation` does with requests and answers."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import BaseModel, Field
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from rosetta_hub.database.paging import PageQuery, PageView
from rosetta_hub.web.base_handler import BaseHandler
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.openapi import build_openapi
from rosetta_hub.web.operations import Answer, Content, operation
from rosetta_hub.web.path_parameters import route_pattern
from rosetta_hub.web.revisions import Revised
from rosetta_hub.web.rights import NO_LOGIN

JSON = {"Content-Type": "application/json"}
TASK = "0123456789ab"


class Colour(RequestModel):
    name: str = Field(max_length=5)
    tags: list[str] = []


class Which(RequestModel):
    limit: int | None = Field(default=None, ge=1, description="How many")
    state: list[str] = []


class Shown(BaseModel):
    text: str


class Version(Revised):
    text: str


class ShownPage(PageView):
    texts: list[str]


class ShadesHandler(BaseHandler):
    path = "tasks/{task}/shades"

    @operation(id="list_shades", right=NO_LOGIN, answer=ShownPage)
    def get(self, task_id: str, query: PageQuery) -> ShownPage:
        """The shades, in two pages."""
        if query.after == "a+b":
            return ShownPage(texts=["dark"])
        return ShownPage(texts=["light"], next="a+b")

    @operation(id="get_shade", right=NO_LOGIN, answer=Version)
    def post(self, task_id: str) -> Answer:
        """A shade."""
        return Answer(Version(text="grey", revision="2"), 201, {"X-Shade": "50"})


class ColoursHandler(BaseHandler):
    path = "tasks/{task}/colours"

    @operation(id="list_colours", right=NO_LOGIN, answer=Shown)
    async def get(self, task_id: str, query: Which) -> Shown:
        """The colours of a task.

        All of them.

        Raises:
            NotFound: never.
        """
        return Shown(text=f"{task_id} {query.limit} {query.state}")

    @operation(id="add_colour", right=NO_LOGIN, answer=Shown, status=201, refuses=(409,))
    def post(self, task_id: str, body: Colour) -> Answer:
        """Add a colour."""
        status = 200 if body.name == "red" else None
        return Answer(Shown(text=body.name), status, {"ETag": '"1"'})

    @operation(id="delete_colours", right=NO_LOGIN)
    def delete(self, task_id: str) -> None:
        """Delete them all."""

    @operation(id="draw_colours", right=NO_LOGIN, answer=Content("image/png"), body=Colour)
    def put(self, task_id: str, body: dict[str, Any]) -> None:
        """Draw whatever is asked for."""
        self.finish(json.dumps(body))


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """The address of the path."""
    handlers = (ColoursHandler, ShadesHandler)
    routes = [
        (f"/{route_pattern(handler.path)}", handler, {"services": None}) for handler in handlers
    ]
    server = HTTPServer(Application(routes))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}/tasks/{TASK}/colours"
    server.stop()
    await server.close_all_connections()


async def fetch(
    url: str, method: str = "GET", body: bytes | None = None, headers: dict[str, str] = JSON
) -> tuple[HTTPResponse, Any]:
    response = await AsyncHTTPClient(force_instance=True).fetch(
        url,
        method=method,
        body=body,
        headers=headers,
        raise_error=False,
        allow_nonstandard_methods=True,
    )
    return response, json.loads(response.body or b"null")


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", f"{TASK} None []"),
        ("?limit=3&state=", f"{TASK} 3 []"),
        ("?state=a&state=b&_xsrf=x", f"{TASK} None ['a', 'b']"),
    ],
)
async def test_a_query_is_a_model(url: str, query: str, text: str) -> None:
    response, view = await fetch(url + query)
    assert (response.code, view) == (200, {"text": text})


@pytest.mark.parametrize(
    ("body", "headers", "status", "pointers"),
    [
        (b"{", JSON, 400, []),
        (b"[]", JSON, 400, []),
        (b"\xff", JSON, 400, []),
        (b"name=blue", {"Content-Type": "application/x-www-form-urlencoded"}, 415, []),
        (b"{}", JSON, 422, ["/body/name"]),
        (b'{"name": "orange", "a/b~c": 1}', JSON, 422, ["/body/name", "/body/a~1b~0c"]),
        (b'{"name": "blue", "tags": ["a", 1]}', JSON, 422, ["/body/tags/1"]),
    ],
)
async def test_a_body_that_does_not_fit_is_refused(
    url: str, body: bytes, headers: dict[str, str], status: int, pointers: list[str]
) -> None:
    response, problem = await fetch(url, "POST", body, headers)
    assert response.headers["Content-Type"] == "application/problem+json"
    result = [fault["pointer"] for fault in problem.get("errors", [])]
    assert (response.code, problem["status"], result) == (status, status, pointers)


async def test_an_unknown_key_of_a_query_is_refused(url: str) -> None:
    response, problem = await fetch(f"{url}?limits=3")
    assert (response.code, problem["errors"][0]["pointer"]) == (422, "/query/limits")


async def test_status_and_headers_of_an_answer(url: str) -> None:
    response, view = await fetch(url, "POST", b'{"name": "blue"}')
    assert (response.code, view, response.headers["ETag"]) == (201, {"text": "blue"}, '"1"')
    assert (await fetch(url, "POST", b'{"name": "red"}'))[0].code == 200
    response, _ = await fetch(url, "DELETE")
    assert (response.code, response.body) == (204, b"")


async def test_a_page_links_to_the_next_one(url: str) -> None:
    shades = url.replace("colours", "shades")
    response, page = await fetch(f"{shades}?limit=1&_xsrf=x")
    assert (page["texts"], page["next"]) == (["light"], "a+b")
    link = response.headers["Link"]
    assert link == f'</tasks/{TASK}/shades?limit=1&after=a%2Bb>; rel="next"'
    response, page = await fetch(shades + link.partition("shades")[2].partition(">")[0])
    assert (page["texts"], page["next"], "Link" in response.headers) == (["dark"], None, False)


async def test_a_revision_is_the_entity_tag(url: str) -> None:
    response, _ = await fetch(url.replace("colours", "shades"), "POST")
    headers = (response.headers["ETag"], response.headers["X-Shade"])
    assert (response.code, *headers) == (201, '"2"', "50")


async def test_a_handler_may_read_and_write_by_itself(url: str) -> None:
    assert (await fetch(url, "PUT", b'{"other": 1}'))[1] == {"other": 1}


@pytest.mark.parametrize("method", ["PATCH", "TRACE", "HEAD"])
async def test_other_methods_are_told_which_there_are(url: str, method: str) -> None:
    response, _ = await fetch(url, method)
    allowed = set(response.headers["Allow"].split(", "))
    assert (response.code, allowed) == (405, {"GET", "POST", "PUT", "DELETE"})


def test_the_document_says_the_same() -> None:
    item = build_openapi("/x/", [ColoursHandler])["paths"]["/api/v1/tasks/{task}/colours"]
    assert [parameter["name"] for parameter in item["parameters"]] == ["task"]
    get, post = item["get"], item["post"]
    assert get["summary"] == "The colours of a task"
    assert get["description"].splitlines()[0] == "All of them."
    assert get["parameters"] == [
        {
            "name": "limit",
            "in": "query",
            "required": False,
            "description": "How many",
            "schema": {"type": "integer", "minimum": 1},
        },
        {
            "name": "state",
            "in": "query",
            "required": False,
            "schema": {"type": "array", "items": {"type": "string"}, "default": []},
        },
    ]
    statuses = {"201", "400", "403", "404", "405", "409", "415", "422", "429", "503"}
    assert set(post["responses"]) == statuses
    assert post["requestBody"]["required"] is True
    assert item["delete"]["responses"]["204"] == {"description": "Delete them all"}
    assert list(item["put"]["responses"]["200"]["content"]) == ["image/png"]
