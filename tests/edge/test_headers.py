"""What a container sees of a request, and what a browser sees of its answer."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.edge.conftest import Backend, OpenTask, Request, Rig

HOSTILE = [
    'Strict-Transport-Security: max-age=1',
    'Alt-Svc: h3=":443"',
    'Clear-Site-Data: "*"',
    'Public-Key-Pins: pin-sha256="x"',
    'Public-Key-Pins-Report-Only: pin-sha256="x"',
    'Expect-CT: max-age=1',
    'NEL: {}',
    'Report-To: {}',
    'Set-Cookie2: a=b',
]  # fmt: skip
HARMLESS = ["X-Frame-Options: DENY", "Service-Worker-Allowed: /", "Location: http://127.0.0.1/x"]


@pytest.fixture
async def task(rig: "Rig", backend: "Backend") -> "OpenTask":
    return await rig.open(backend.target)


def respond_with(*lines: str, body: bytes = b"ok") -> bytes:
    head = "\r\n".join(["HTTP/1.1 200 OK", *lines, f"Content-Length: {len(body)}"])
    return (head + "\r\n\r\n").encode("latin-1") + body


async def test_container_sees_no_cookie_but_its_own(
    rig: "Rig", task: "OpenTask", backend: "Backend"
) -> None:
    other = await rig.open(backend.target)
    jar = [
        task.cookie,
        f"{task.cookie_prefix}mine=1",
        other.cookie,
        f"r{other.id}-theirs=2",
        "jupyterhub-hub-login=secret",
        "_xsrf=plain",
        f" {task.cookie_prefix}also=a=b",
    ]
    answer = await task.fetch("/", {"Cookie": "; ".join(jar)})
    assert answer.seen["cookie"] == "mine=1; also=a=b"
    assert "cookie" not in (await task.fetch("/", task.own)).seen


async def test_websocket_carries_no_foreign_cookie(task: "OpenTask", backend: "Backend") -> None:
    headers = {"Cookie": f"{task.cookie}; a=b; {task.cookie_prefix}mine=1", "Origin": task.origin}
    answer, _, writer = await task.upgrade({**headers, "Authorization": "mine"})
    assert answer.status == 101
    (request,) = backend.requests
    assert request.all("cookie") == ["mine=1"]
    assert request.get("authorization") == "mine"
    assert request.get("x-forwarded-proto") == "http"
    assert request.get("host") == task.authority
    writer.close()


async def test_forged_headers_are_replaced(task: "OpenTask") -> None:
    forged = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "gopher",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-User": "root",
        "X-Forwarded-Port": "1",
        "X-Forwarded-Prefix": "/x",
        "X-Real-IP": "6.6.6.6",
        "X-Scheme": "https",
        "Forwarded": "for=6.6.6.6",
        "Proxy": "evil.example",
        "Proxy-Authorization": "x",
        "TE": "trailers",
        "Trailer": "X-Late",
        "Keep-Alive": "timeout=1",
        "Upgrade": "h2c",
        "Connection": "close, X-Custom",
        "X-Custom": "1",
    }
    value = (await task.fetch("/", {**task.own, **forged})).seen
    assert value == {
        "host": task.authority,
        "x-custom": "1",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": task.authority,
        "connection": "keep-alive",
    }


async def test_authorization_is_injected_over_the_clients(
    rig: "Rig", task: "OpenTask", backend: "Backend"
) -> None:
    guarded = await rig.open(backend.target, authorization="token s3cret")
    forged = {"Authorization": "token forged"}
    assert (await guarded.fetch("/", guarded.own)).seen["authorization"] == "token s3cret"
    assert (await guarded.fetch("/", {**guarded.own, **forged})).seen[
        "authorization"
    ] == "token s3cret"
    assert (await task.fetch("/", {**task.own, **forged})).seen["authorization"] == "token forged"
    _, writer = await guarded.websocket()
    assert backend.requests[-1].all("authorization") == ["token s3cret"]
    writer.close()


async def test_answers_do_not_act_on_the_whole_host(task: "OpenTask", backend: "Backend") -> None:
    backend.respond = lambda _: respond_with(
        *HOSTILE, *HARMLESS, "Set-Cookie: rosetta-x=1; HttpOnly"
    )
    answer = await task.fetch("/", task.own)
    names = {name.lower() for name, _ in answer.headers}
    assert names == {
        "x-frame-options", "service-worker-allowed", "location", "content-length", "connection",
        "date", "set-cookie",
    }  # fmt: skip
    assert answer.all("set-cookie") == [f"{task.cookie_prefix}rosetta-x=1; HttpOnly"]


async def test_answers_to_upgrades_do_not_either(task: "OpenTask", backend: "Backend") -> None:
    backend.upgrade_headers = [*HOSTILE, *HARMLESS, "Set-Cookie: a=b; Domain=127.0.0.1"]
    answer, _, writer = await task.upgrade({**task.own, "Origin": task.origin})
    assert answer.status == 101
    assert {name.lower() for name, _ in answer.headers} == {
        "upgrade", "connection", "sec-websocket-accept", "x-frame-options", "location",
        "service-worker-allowed", "set-cookie",
    }  # fmt: skip
    assert answer.all("set-cookie") == [f"{task.cookie_prefix}a=b; HttpOnly", "a=b"]
    writer.close()


@pytest.mark.parametrize("framing", ["Content-Length: 6", "Transfer-Encoding: chunked"])
async def test_refused_upgrade_is_passed_on_clean(
    task: "OpenTask", backend: "Backend", framing: str
) -> None:
    body = "denied" if "Length" in framing else "6\r\ndenied\r\n0\r\n\r\n"
    head = "\r\n".join(["HTTP/1.1 418 Teapot", *HOSTILE, "Trailer: X", framing])
    backend.respond = lambda _: f"{head}\r\n\r\n{body}".encode()
    backend.upgrades = False
    answer, reader, writer = await task.upgrade({**task.own, "Origin": task.origin})
    assert answer.status == 418
    hostile = {line.split(":")[0].lower() for line in HOSTILE} | {"trailer"}
    assert not hostile & {name.lower() for name, _ in answer.headers}
    assert b"denied" in await reader.read()
    writer.close()


async def test_trailers_are_dropped(task: "OpenTask", backend: "Backend") -> None:
    backend.respond = lambda _: (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Set-Cookie\r\n\r\n"
        b"2\r\nok\r\n0\r\nSet-Cookie: rosetta-x=1\r\nClear-Site-Data: *\r\n\r\n"
    )
    headers = {"Host": task.authority, "Connection": "close", "TE": "trailers", **task.own}
    reader, writer = await task.connect()
    lines = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
    writer.write(f"GET / HTTP/1.1\r\n{lines}\r\n".encode())
    raw = await reader.read()
    assert b"ok" in raw
    assert b"Set-Cookie" not in raw
    assert b"Clear-Site-Data" not in raw
    writer.close()


# Node reads each of these and throws when it is asked to write it.
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 200 O\x01K\r\nContent-Length: 2\r\n\r\nok", 200),
        (b"HTTP/1.1 200 OK\r\nTrailer: X\r\nContent-Length: 2\r\n\r\nok", 200),
        (b"HTTP/1.1 099 Low\r\nContent-Length: 2\r\n\r\nok", 503),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", 503),
        (b"not HTTP at all\r\n\r\n", 503),
    ],
)
async def test_odd_answers_harm_nobody_else(
    task: "OpenTask", backend: "Backend", answer: bytes, status: int
) -> None:
    backend.respond = lambda _: answer
    assert (await task.fetch("/", task.own)).status == status


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "PATCH"])
async def test_bodies_arrive(task: "OpenTask", backend: "Backend", method: str) -> None:
    assert (await task.fetch("/", task.own, method, b"x" * 100_000)).status == 200
    assert backend.requests[-1].body == b"x" * 100_000


async def test_keep_alive_of_clients_is_honoured(task: "OpenTask", backend: "Backend") -> None:
    reader, writer = await task.connect()
    request = f"GET / HTTP/1.1\r\nHost: {task.authority}\r\nCookie: {task.cookie}\r\n\r\n".encode()
    for _ in range(3):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
    assert backend.opened == 1, "the connection to the container is not reused"
    writer.close()


def _names(request: "Request") -> set[str]:
    return {name.lower() for name, _ in request.headers}


async def test_expectation_is_answered_once(task: "OpenTask", backend: "Backend") -> None:
    reader, writer = await task.connect()
    head = f"POST / HTTP/1.1\r\nHost: {task.authority}\r\nCookie: {task.cookie}\r\n"
    writer.write(f"{head}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n".encode())
    assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")
    writer.write(b"ok")
    assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
    assert "expect" not in _names(backend.requests[-1])
    writer.close()


async def test_jar_of_many_tasks_fits(task: "OpenTask") -> None:
    others = "; ".join(f"r{number:012x}-session={'x' * 100}" for number in range(400))
    answer = await task.fetch("/", {"Cookie": f"{others}; {task.cookie}"})
    assert answer.status == 200
    assert "cookie" not in answer.seen


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("http://localhost:8080/path?q=1#part", "/path?q=1#part"),
        ("HTTP://LocalHost:8080", "/"),
        ("http://127.0.0.1:8080/", "/"),
        ("http://127.1:8080/x", "/x"),
        ("http://[::1]:8080/x", "/x"),
        ("http://0.0.0.0:8080/x", "/x"),
        ("https://localhost:8080/x", "/x"),
        ("http://user@localhost:8080/x", "/x"),
        ("http://localhost:8080//evil.example/", "/evil.example/"),
        ("http://localhost:8080/\\evil.example/", "/evil.example/"),
        ("http://localhost:8081/x", "http://localhost:8081/x"),
        ("http://localhost/x", "http://localhost/x"),
        ("http://example.org:8080/x", "http://example.org:8080/x"),
        ("http://localhost.example.org:8080/x", "http://localhost.example.org:8080/x"),
        ("http://localhost:80800/x", "http://localhost:80800/x"),
        ("/path", "/path"),
        ("path", "path"),
    ],
)
async def test_redirect_to_the_container_itself_stays_in_the_task(
    rig: "Rig", backend: "Backend", location: str, expected: str
) -> None:
    task = await rig.open(backend.target, interface_port=8080)
    backend.respond = lambda _: respond_with(f"Location: {location}")
    assert (await task.fetch("/", task.own)).get("location") == expected


async def test_redirect_to_the_port_where_the_container_is_reached(
    rig: "Rig", backend: "Backend"
) -> None:
    """An engine without a network of the container's own lets it listen there."""
    task = await rig.open(backend.target, interface_port=8080)
    backend.respond = lambda _: respond_with(f"Location: http://localhost:{backend.port}/x")
    assert (await task.fetch("/", task.own)).get("location") == "/x"
