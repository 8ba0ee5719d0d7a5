"""What goes wrong around the command: tokens, versions, proxies, clocks, pipes."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import click
import pytest
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from rosetta_client.cli.errors import explain
from rosetta_client.cli.main import rosetta as commands
from rosetta_client.errors import ApiError
from tests.rights.conftest import Site, serve

from .conftest import Run

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Stub(RequestHandler):
    """A hub that is another version, or none."""

    answers: dict[str, tuple[int, str, str]] = {}
    clock: datetime | None = None

    async def get(self, path: str) -> None:
        """Answer what the test has said."""
        status, kind, body = self.answers.get(path, (404, "text/html", "<html>"))
        self.set_status(status)
        self.set_header("Content-Type", kind)
        if self.clock is not None:
            self.set_header("Date", format_datetime(self.clock, usegmt=True))
        self.finish(body)

    post = get


@contextlib.asynccontextmanager
async def stub(clock: datetime | None = None, **answers: Any) -> AsyncIterator[str]:
    """A stub with answers by path below `api/v1/`; yields its address."""
    kinds = {
        key: value if isinstance(value, tuple) else (200, "application/json", json.dumps(value))
        for key, value in answers.items()
    }
    handler = type("StubOfTest", (Stub,), {"answers": kinds, "clock": clock})
    application = Application([(r"/services/rosetta/api/v1/?(.*)", handler)])
    async with serve(HTTPServer(application)) as port:
        yield f"http://127.0.0.1:{port}"


async def view_of_a_task(site: Site) -> dict[str, Any]:
    answer = await site.fetch("GET", f"api/v1/tasks/{site.ids['tasks']}", "alice")
    view: dict[str, Any] = answer.json()
    return view


# --- tokens --------------------------------------------------------------------------------------


async def test_a_token_that_is_not_good_any_more(rosetta: Run) -> None:
    """Expired, deleted, or of a user who was: the hub does not tell which."""
    result = await rosetta("ls", ROSETTA_TOKEN="expired")
    assert result.code == 4
    assert result.err == (
        "rosetta: The hub does not accept the token: it has expired or was deleted, or its user"
        " was. Log in with 'rosetta login'.\n"
    )


async def test_a_token_without_the_scope_of_the_service(rosetta: Run) -> None:
    result = await rosetta("ls", ROSETTA_TOKEN="alice-none")
    assert result.code == 4
    assert "lacks the scope 'access:services!service=rosetta'" in result.err


async def test_a_token_that_may_only_read(rosetta: Run) -> None:
    assert (await rosetta("ls", ROSETTA_TOKEN="alice-reads")).code == 0
    result = await rosetta("stop", "Echo", ROSETTA_TOKEN="alice-reads")
    assert result.code == 3
    assert "'delete:servers'" in result.err or "no such task" in result.err


async def test_no_token_is_shown(rosetta: Run) -> None:
    result = await rosetta("ls", ROSETTA_TOKEN="s3cret", ROSETTA_HUB="http://127.0.0.1:1")
    assert (result.code, "s3cret" in result.out + result.err) == (7, False), result.err


# --- other hubs ----------------------------------------------------------------------------------


async def test_a_newer_hub_says_more(rosetta: Run, site: Site) -> None:
    task = {**await view_of_a_task(site), "mood": "sunny", "state": "dreaming"}
    async with stub(tasks={"tasks": [task], "next": None, "total": 1}) as hub:
        result = await rosetta("ls", ROSETTA_HUB=hub)
    assert (result.code, "dreaming" in result.out) == (0, True)


async def test_an_older_hub_says_less(rosetta: Run, site: Site) -> None:
    task = await view_of_a_task(site)
    del task["message"], task["can"]
    async with stub(tasks={"tasks": [task]}) as hub:
        result = await rosetta("ls", ROSETTA_HUB=hub)
    assert (result.code, result.out) == (1, "")
    assert "TaskView lacks message, can" in result.err
    assert "compare them with 'rosetta version'" in result.err


async def test_an_address_that_the_hub_does_not_have(rosetta: Run) -> None:
    problem = {
        **{"type": "urn:rosetta-hub:problem:no-such-address", "title": "x", "status": 404},
        **{"detail": "There is nothing at this address.", "instance": "1"},
    }
    answer = (404, "application/problem+json", json.dumps(problem))
    async with stub(computing=answer) as hub:
        result = await rosetta("computing", "ls", ROSETTA_HUB=hub)
    assert result.code == 3
    assert "it is of another version. See 'rosetta version'" in result.err


async def test_the_service_tells_what_is_no_address_of_it(site: Site) -> None:
    answer = await site.fetch("GET", "api/v1/nothing", "alice")
    assert answer.json()["type"].endswith(":no-such-address")


async def test_versions(rosetta: Run) -> None:
    document = json.loads((await rosetta("version", "--json")).out)
    assert document["client"] == document["hub"]


async def test_something_that_is_no_hub(rosetta: Run) -> None:
    async with stub(tasks=(200, "text/html", "<html>Welcome")) as hub:
        result = await rosetta("ls", ROSETTA_HUB=hub)
    assert (result.code, "is no Rosetta Hub" in result.err) == (1, True)


async def test_a_hub_that_is_away_for_a_moment(rosetta: Run) -> None:
    async with stub(tasks=(502, "text/html", "<html>Bad gateway")) as hub:
        result = await rosetta("ls", ROSETTA_HUB=hub)
    assert (result.code, "is not there just now (status 502)" in result.err) == (7, True)


# --- clocks, terminals, pipes --------------------------------------------------------------------


@pytest.mark.parametrize("hours", [-5, 5])
async def test_ages_are_by_the_hubs_clock(rosetta: Run, site: Site, hours: int) -> None:
    hub_time = datetime.now(UTC) + timedelta(hours=hours)
    task = {**await view_of_a_task(site), "started": (hub_time - timedelta(minutes=7)).isoformat()}
    async with stub(tasks={"tasks": [task], "next": None}, clock=hub_time) as hub:
        result = await rosetta("ls", ROSETTA_HUB=hub)
    assert result.out.splitlines()[1].split()[5] in ("6m", "7m")


async def test_names_of_others_do_not_act_on_terminals(rosetta: Run, site: Site) -> None:
    task = {**await view_of_a_task(site), "name": "a\x1b[31m\nb\u202e"}
    async with stub(tasks={"tasks": [task], "next": None}) as hub:
        result = await rosetta("ls", ROSETTA_HUB=hub)
    assert len(result.out.splitlines()) == 2
    assert "a\\x1b[31m\\x0ab\\u202e" in result.out


async def test_a_file_gets_no_colours_and_no_bars(rosetta: Run) -> None:
    result = await rosetta("ls")
    assert "\x1b" not in result.out


async def test_a_pipe_that_closes(environment: dict[str, str]) -> None:
    """As with `head`: no traceback, and the exit code of a program that SIGPIPE has ended."""
    code = (
        "import os, sys; os.close(1); os.dup2(int(sys.argv[1]), 1)\n"
        "from rosetta_client.cli.main import main; main(['ls'])"
    )
    reading, writing = os.pipe()
    os.close(reading)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, str(writing)),
        env=environment,
        pass_fds=(writing,),
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writing)
    _, err = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, err) == (141, b"")


# --- proxies -------------------------------------------------------------------------------------


async def test_a_proxy_of_the_environment(rosetta: Run) -> None:
    pieces: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        pieces.append(head.split(b"\r\n")[0])
        body = b'{"tasks": [], "next": null}'
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body)
        )
        writer.write(body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    result = await rosetta(
        *("ls", "--json"),
        HTTP_PROXY=f"http://127.0.0.1:{port}",
        ROSETTA_HUB="http://hub.example.org",
    )
    server.close()
    assert (result.code, result.out) == (0, "[]\n"), result.err
    assert pieces == [b"GET http://hub.example.org/services/rosetta/api/v1/tasks HTTP/1.1"]


async def test_a_proxy_that_is_not_there(rosetta: Run) -> None:
    result = await rosetta("ls", HTTP_PROXY="http://127.0.0.1:1", ROSETTA_HUB="http://hub.example")
    assert (result.code, "can't be reached" in result.err) == (7, True)


async def test_a_token_is_not_sent_where_everybody_reads(rosetta: Run) -> None:
    result = await rosetta("login", "http://hub.example.org", "--token", stdin="x\n")
    assert (result.code, "has no https" in result.err) == (1, True)


async def test_many_tasks_come_page_by_page(rosetta: Run, site: Site) -> None:
    task = await view_of_a_task(site)

    class Pages(Stub):
        asked: list[str] = []

        async def get(self, path: str) -> None:
            after = int(self.get_query_argument("after", "0"))
            self.asked.append(str(after))
            following = str(after + 1) if after < 9 else None
            self.finish({"tasks": [{**task, "name": f"p{after}"}] * 100, "next": following})

    application = Application([(r"/services/rosetta/api/v1/(.*)", Pages)])
    async with serve(HTTPServer(application)) as port:
        result = await rosetta("ls", ROSETTA_HUB=f"http://127.0.0.1:{port}")
    assert len(result.out.splitlines()) == 1001
    assert Pages.asked == [str(number) for number in range(10)]


async def test_every_command_says_in_one_line_what_it_does() -> None:
    with click.Context(commands) as context:
        for name in commands.list_commands(context):
            command = commands.get_command(context, name)
            assert command is not None
            assert not command.get_short_help_str(limit=64).endswith("..."), name


async def test_faults_of_fields_are_told() -> None:
    faults = [
        {"pointer": "/body/link/uses", "detail": "Input should be at least 1"},
        {"pointer": "/body/memory", "detail": "Memory is too large."},
    ]
    detail = "The request does not fit: look at link. Memory is too large."
    error = ApiError(422, {"detail": detail, "errors": faults})
    assert explain(error) == f"{detail} link.uses: Input should be at least 1."
