"""The conversation with slurmrestd: versions, tokens, and answers that are none."""

import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from rosetta_hub.catalogue.computing_conf import SlurmRestConf
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.resources.slurm.rest import SlurmRestWms
from rosetta_hub.resources.slurm.rest_client import RestClient
from rosetta_hub.resources.slurm.tokens import (
    LIFETIME,
    CommandTokens,
    SignedTokens,
    read_expiry,
    sign_token,
)
from rosetta_hub.resources.wms import JobRefused, JobRequest, QueueIsPrivate

from .test_rest_documents import document

KEY = b"a key of thirty-two bytes, or so"
REQUEST = JobRequest(name="rosetta-0123abcd-9f-1")
EMPTY: dict[str, list[Any]] = {"jobs": [], "errors": []}
Answer = tuple[int, Any]


class FakeRest:
    """An HTTP server that answers as a test says; `asked` has what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.versions = {"v0.0.41", "v0.0.40"}
        self.asked: list[tuple[str, str]] = []
        self.bodies: list[Any] = []
        self.users: list[str] = []
        self.check: Callable[[str], bool] = lambda token: True
        socket, port = bind_unused_port()
        self.server = HTTPServer(Application([(r"/(.*)", _Handler, {"rest": self})]))
        self.server.add_sockets([socket])
        self.url = f"http://127.0.0.1:{port}"

    def answer(self, method: str, path: str) -> Answer:
        self.asked.append((method, path))
        part, version, call = path.split("/", 2)
        if version not in self.versions:
            return 404, "Unable find requested URL"
        return self.answers.get(f"{part}/{call}", (200, EMPTY))


class _Handler(RequestHandler):
    def initialize(self, rest: FakeRest) -> None:
        self.rest = rest

    def handle(self, path: str) -> None:
        self.rest.users.append(self.request.headers["X-SLURM-USER-NAME"])
        if self.request.body:
            self.rest.bodies.append(json.loads(self.request.body))
        if not self.rest.check(self.request.headers["X-SLURM-USER-TOKEN"]):
            self.set_status(401)
            self.finish("Authentication failure")
            return
        code, body = self.rest.answer(str(self.request.method), path)
        self.set_status(code)
        if isinstance(body, dict):
            self.set_header("Content-Type", "application/json")
        self.finish(body if isinstance(body, str) else json.dumps(body))

    get = post = delete = handle


@pytest.fixture
async def rest() -> AsyncIterator[FakeRest]:
    result = FakeRest()
    yield result
    result.server.stop()
    await result.server.close_all_connections()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "jwt_hs256.key"
    path.write_bytes(KEY)
    return path


@pytest.fixture
def wms(rest: FakeRest, key_file: Path) -> Iterator[SlurmRestWms]:
    client = RestClient(SlurmRestConf(url=rest.url, jwt_key_file=str(key_file)))
    yield SlurmRestWms(client, "alice")
    client.close()


def fault(error: str, code: int = 500) -> Answer:
    return code, {"errors": [{"error": error, "error_number": 2000, "description": "refused"}]}


async def test_newest_version_of_both_sides(rest: FakeRest, wms: SlurmRestWms) -> None:
    await wms.jobs(["alice"])
    await wms.jobs(["alice"])
    assert [path for _, path in rest.asked] == [
        "slurm/v0.0.42/ping/",
        "slurm/v0.0.41/ping/",
        "slurm/v0.0.41/jobs/",
        "slurm/v0.0.41/jobs/",
    ]
    assert set(rest.users) == {"alice"}


async def test_no_version_in_common(rest: FakeRest, wms: SlurmRestWms) -> None:
    rest.versions = {"v0.0.99"}
    with pytest.raises(ResourceUnavailable, match=r"none of the versions v0\.0\.42"):
        await wms.jobs(["alice"])


async def test_another_slurmrestd_is_asked_for_its_versions(
    rest: FakeRest, wms: SlurmRestWms
) -> None:
    await wms.jobs(["alice"])
    rest.versions = {"v0.0.42"}
    with pytest.raises(ResourceUnavailable):
        await wms.jobs(["alice"])
    assert await wms.jobs(["alice"]) == []
    assert rest.asked[-1][1] == "slurm/v0.0.42/jobs/"


@pytest.mark.parametrize(
    "answer",
    [
        (200, ""),
        (200, "<html>a proxy</html>"),
        (200, []),
        (200, {}),
        (200, {"jobs": None}),
        (200, {"jobs": [{"name": "rosetta-1"}]}),
        (500, "oops"),
        (503, {}),
        (200, {"jobs": [], "errors": [{"error": "Unable to contact slurm controller"}]}),
        (401, "Authentication failure"),
    ],
)
async def test_no_answer_is_not_an_empty_queue(
    rest: FakeRest, wms: SlurmRestWms, answer: Answer
) -> None:
    rest.answers["slurm/jobs/"] = answer
    with pytest.raises(ResourceUnavailable):
        await wms.jobs(["alice"])
    with pytest.raises(ResourceUnavailable):
        await wms.find(REQUEST.name)


async def test_nobody_listens(key_file: Path) -> None:
    socket, port = bind_unused_port()
    socket.close()
    conf = SlurmRestConf(url=f"http://127.0.0.1:{port}", jwt_key_file=str(key_file))
    client = RestClient(conf)
    with pytest.raises(ResourceUnavailable, match="does not answer"):
        await SlurmRestWms(client, "alice").jobs(["alice"])
    client.close()


async def test_jobs_of_some_users(rest: FakeRest, wms: SlurmRestWms) -> None:
    rest.answers["slurm/jobs/"] = (200, document("jobs"))
    names = {job.name for job in await wms.jobs(["alice", "bob"])}
    assert names == {f"rosetta-0123abcd-{text}-1" for text in ("run", "res", "rqh", "sus")}


async def test_queue_without_jobs_of_others_may_be_private(
    rest: FakeRest, wms: SlurmRestWms
) -> None:
    answer = document("jobs")
    answer["jobs"] = [job for job in answer["jobs"] if job["user_name"] == "alice"]
    rest.answers["slurm/jobs/"] = (200, answer)
    assert len(await wms.jobs(["alice"])) == 4
    with pytest.raises(QueueIsPrivate):
        await wms.jobs(["alice", "bob"])


async def test_submit(rest: FakeRest, wms: SlurmRestWms) -> None:
    rest.answers["slurm/job/submit"] = (200, {"job_id": 7, "errors": []})
    assert await wms.submit(REQUEST, "#!/bin/sh\n") == "7"
    assert rest.bodies[0]["job"]["name"] == REQUEST.name


async def test_refusal(rest: FakeRest, wms: SlurmRestWms) -> None:
    rest.answers["slurm/job/submit"] = fault("Invalid partition name specified")
    with pytest.raises(JobRefused, match="There is no partition `nowhere`"):
        await wms.submit(JobRequest("rosetta-1", partition="nowhere"), "#!/bin/sh\n")
    with pytest.raises(JobRefused, match="submit_options"):
        await wms.submit(JobRequest("rosetta-1", extra=("--exclusive",)), "#!/bin/sh\n")


@pytest.mark.parametrize(
    "answer",
    [
        fault("Unable to contact slurm controller (connect failure)"),
        fault("Socket timed out on send/recv operation"),
        (500, {"errors": []}),
        (200, {"job_id": 0, "errors": []}),
    ],
)
async def test_submit_without_an_answer(rest: FakeRest, wms: SlurmRestWms, answer: Answer) -> None:
    rest.answers["slurm/job/submit"] = answer
    with pytest.raises(ResourceUnavailable):
        await wms.submit(REQUEST, "#!/bin/sh\n")


async def test_cancel_of_what_is_over(rest: FakeRest, wms: SlurmRestWms) -> None:
    rest.answers["slurm/job/7"] = fault("Invalid job id specified")
    await wms.cancel("7")
    rest.answers["slurm/job/7"] = fault("Job/step already completing or completed")
    await wms.cancel("7")
    rest.answers["slurm/job/7"] = fault("Unable to contact slurm controller (connect failure)")
    with pytest.raises(ResourceUnavailable):
        await wms.cancel("7")
    assert ("DELETE", "slurm/v0.0.41/job/7") in rest.asked


async def test_end(rest: FakeRest, wms: SlurmRestWms) -> None:
    rest.answers["slurm/job/7"] = fault("Invalid job id specified")
    rest.answers["slurmdb/job/7"] = (200, document("end-timeout"))
    ended = await wms.end("7")
    assert ended is not None
    assert ended.cause == "time_limit"
    rest.answers["slurmdb/job/7"] = (200, EMPTY)
    assert await wms.end("7") is None
    rest.answers["slurmdb/job/7"] = fault("Unable to connect to database")
    with pytest.raises(ResourceUnavailable):
        await wms.end("7")


async def test_token_that_is_refused_is_replaced_once(rest: FakeRest, tmp_path: Path) -> None:
    count = tmp_path / "count"
    command = tmp_path / "token"
    command.write_text(f"#!/bin/sh\necho $1 >>{count}\necho SLURM_JWT=token-`wc -l <{count}`\n")
    command.chmod(0o755)
    conf = SlurmRestConf(url=rest.url, token_command=(str(command),))
    client = RestClient(conf)
    rest.check = lambda token: token.strip() != "token-3"
    # Tokens that do not say when they end are asked for each time.
    assert await SlurmRestWms(client, "alice").jobs(["alice"]) == []
    assert count.read_text().split() == ["alice"] * 4
    client.close()


async def test_command_is_asked_again_when_its_token_ends_soon(tmp_path: Path) -> None:
    tokens = {name: sign_token(KEY, name, int(time.time())) for name in ("long", "bob")}
    ends_soon = sign_token(KEY, "soon", int(time.time()) - LIFETIME + 60)
    (tmp_path / "long").write_text(tokens["long"])
    (tmp_path / "soon").write_text(ends_soon)
    command = tmp_path / "token"
    command.write_text(f'#!/bin/sh\necho $1 >>{tmp_path}/asked\ncat "{tmp_path}/$1"\n')
    command.chmod(0o755)
    source = CommandTokens([str(command)])
    for _ in range(2):
        assert await source.token("long") == tokens["long"]
        assert await source.token("soon") == ends_soon
    assert (tmp_path / "asked").read_text().split() == ["long", "soon", "soon"]
    with pytest.raises(ResourceUnavailable, match="gave no token for nobody"):
        await source.token("nobody")


async def test_signed_tokens_are_those_of_slurm(key_file: Path) -> None:
    token = await SignedTokens(str(key_file)).token("alice")
    signed, _, signature = token.rpartition(".")
    expected = hmac.new(KEY, signed.encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(signature + "=") == expected
    header, claims = (
        json.loads(base64.urlsafe_b64decode(part + "==")) for part in signed.split(".")
    )
    assert header == {"alg": "HS256", "typ": "JWT"}
    assert claims["sun"] == "alice"
    assert claims["exp"] - claims["iat"] == LIFETIME
    assert read_expiry(token) == claims["exp"]
    assert read_expiry("no token") == 0


async def test_missing_key(tmp_path: Path) -> None:
    with pytest.raises(ResourceUnavailable, match="can't be read"):
        await SignedTokens(str(tmp_path / "none")).token("alice")


async def test_no_token_in_logs_or_errors(
    rest: FakeRest, wms: SlurmRestWms, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    texts: list[str] = []

    def refuse(token: str) -> bool:
        texts.append(token)
        return False

    rest.check = refuse
    with pytest.raises(ResourceUnavailable, match="does not accept the token") as failed:
        await wms.jobs(["alice"])
    text = caplog.text + str(failed.value) + repr(failed.value)
    assert texts
    assert not any(part in text for token in texts for part in token.split("."))
