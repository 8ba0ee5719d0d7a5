"""A container's own cookies, in a jar that it shares with every other task of the host."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.edge.conftest import Backend, OpenTask, Rig


async def set_cookie(task: "OpenTask", backend: "Backend", *lines: str) -> list[str]:
    head = "".join(f"Set-Cookie: {line}\r\n" for line in lines)
    backend.respond = lambda _: f"HTTP/1.1 200 OK\r\n{head}Content-Length: 0\r\n\r\n".encode()
    return (await task.fetch("/", task.own)).all("set-cookie")


CASES = [
    ("a=b; HttpOnly; Path=/x; SameSite=Strict", ["{r}a=b; Path=/x; SameSite=Strict; HttpOnly"]),
    ("a=b; Path=/", ["{r}a=b; Path=/; HttpOnly", "a=b; Path=/"]),
    ("a=b; Domain=example.org; Max-Age=1", ["{r}a=b; Max-Age=1; HttpOnly", "a=b; Max-Age=1"]),
    ("a=b; DOMAIN = .example.org", ["{r}a=b; HttpOnly", "a=b"]),
    ("a=b; httponly", ["{r}a=b; HttpOnly"]),
    ("a=", ["{r}a=; HttpOnly", "a="]),
    ('a="x=y"', ['{r}a="x=y"; HttpOnly', 'a="x=y"']),
    ("a=b; Expires=Wed, 21 Oct 2015 07:28:00 GMT", [
        "{r}a=b; Expires=Wed, 21 Oct 2015 07:28:00 GMT; HttpOnly",
        "a=b; Expires=Wed, 21 Oct 2015 07:28:00 GMT",
    ]),
    # Reserved names are harmless once renamed, and get no copy for scripts.
    ("rosetta-0123456789ab=x", ["{r}rosetta-0123456789ab=x; HttpOnly"]),
    ("__Host-rosetta-0123456789ab=x", ["{r}__Host-rosetta-0123456789ab=x; HttpOnly"]),
    ("__hOsT-ROSETTA-0123456789ab=x", ["{r}__hOsT-ROSETTA-0123456789ab=x; HttpOnly"]),
    ("r0123456789abcdef-x=y", ["{r}r0123456789abcdef-x=y; HttpOnly"]),
    ("jupyterhub-hub-login=x", ["{r}jupyterhub-hub-login=x; HttpOnly"]),
    ("__Host-jupyterhub-session-id=x", ["{r}__Host-jupyterhub-session-id=x; HttpOnly"]),
    # A nameless cookie comes back as if its value were the pair.
    ("=rosetta-0123456789ab=x", []),
    ("rosetta-0123456789ab", []),
    ("a b=c", []),
    (" \t =x", []),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), CASES)
async def test_cookies_are_renamed(
    task: "OpenTask", backend: "Backend", line: str, expected: list[str]
) -> None:
    lines = await set_cookie(task, backend, line)
    assert lines == [item.format(r=task.cookie_prefix) for item in expected]


@pytest.fixture
async def task(rig: "Rig", backend: "Backend") -> "OpenTask":
    return await rig.open(backend.target)


async def test_plain_http_loses_what_needs_tls(task: "OpenTask", backend: "Backend") -> None:
    lines = await set_cookie(task, backend, "a=b; Secure; SameSite=None; Partitioned; HttpOnly")
    assert lines == [f"{task.cookie_prefix}a=b; HttpOnly"]


async def test_tls_makes_cookies_secure(secure_rig: "Rig", backend: "Backend") -> None:
    task = await secure_rig.open(backend.target)
    lines = await set_cookie(task, backend, "a=b; SameSite=None")
    assert lines == [
        f"{task.cookie_prefix}a=b; SameSite=None; Secure; HttpOnly",
        "a=b; SameSite=None; Secure",
    ]


async def test_cookies_come_back_under_their_names(task: "OpenTask", backend: "Backend") -> None:
    lines = await set_cookie(task, backend, "a=b; HttpOnly", "c=d")
    jar = "; ".join([task.cookie, *(line.split(";")[0] for line in lines)])
    await task.fetch("/", {"Cookie": jar})
    assert backend.requests[-1].get("cookie") == "a=b; c=d"


async def test_cookies_of_a_public_name_do_not_reach_the_container(
    task: "OpenTask", backend: "Backend"
) -> None:
    """Any page of the host can set one; ids are public, the secret in the names is not."""
    tossed = f"r{task.id}-tossed=1; r{'0' * 16}-tossed=1; tossed=1"
    await task.fetch("/", {"Cookie": f"{task.cookie}; {tossed}"})
    assert backend.requests[-1].get("cookie") is None
