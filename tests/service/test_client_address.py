"""From where a request comes: nothing that its client writes decides."""

from types import SimpleNamespace
from typing import cast

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest

from rosetta_hub.client_address import client_address

CLIENT, PROXY = "192.0.2.7", "10.0.0.1"


def request(*forwarded: str, **headers: str) -> HTTPServerRequest:
    """A request from the hub's proxy with these headers."""
    lines = HTTPHeaders(headers)
    for value in forwarded:
        lines.add("X-Forwarded-For", value)
    return cast(HTTPServerRequest, SimpleNamespace(headers=lines, remote_ip="127.0.0.1"))


@pytest.mark.parametrize(
    ("forwarded", "proxies", "expected"),
    [
        ([], [], "127.0.0.1"),
        ([CLIENT], [], CLIENT),
        (["198.51.100.1, " + CLIENT], [], CLIENT),
        (["198.51.100.1", CLIENT], [], CLIENT),
        ([f"198.51.100.1, {CLIENT}, {PROXY}"], [PROXY], CLIENT),
        ([f"{CLIENT}, {PROXY}"], [], PROXY),
        ([PROXY], [PROXY], PROXY),
        ([f"{PROXY}, {CLIENT}"], [PROXY], CLIENT),
        (["2001:db8::7"], [], "2001:db8::7"),
        (["<script>"], [], None),
    ],
)
def test_the_last_address_counts(
    forwarded: list[str], proxies: list[str], expected: str | None
) -> None:
    assert client_address(request(*forwarded), proxies) == expected


def test_what_a_client_says_of_itself_does_not_count() -> None:
    """The hub's proxy passes this header on."""
    spoofed = request(CLIENT, **{"X-Real-Ip": "198.51.100.1"})
    assert client_address(spoofed) == CLIENT
