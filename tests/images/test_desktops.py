"""The desktop containers, without a browser."""

from __future__ import annotations

import re

import pytest

from tests.images.conftest import Start
from tests.images.containers import DESKTOPS, Container, basic, until, websocket_request

SESSION = {"minimaldesktop": "fluxbox", "basicdesktop": "xfce4-panel", "guiapplication": "xcalc"}


def banner(container: Container, authorization: str | None = None) -> bool:
    return b"RFB 003.008\n" in container.first_bytes(websocket_request(authorization))


def listening_ports(container: Container) -> set[str]:
    """Those of TCP and IPv4, hexadecimal, as the kernel lists them."""
    lines = container.execute("cat", "/proc/net/tcp").splitlines()[1:]
    return {line.split()[1].partition(":")[2] for line in lines if " 0A " in line}


@pytest.mark.parametrize("image", DESKTOPS)
def test_the_web_socket_speaks_vnc_and_a_session_runs(image: str, start: Start) -> None:
    container = start(image)
    until(lambda: banner(container), "the VNC banner")
    until(lambda: SESSION[image] in container.programs(), SESSION[image])


def test_the_log_does_not_begin_with_services_that_no_container_has(start: Start) -> None:
    container = start("basicdesktop")
    # The last part that warned: its actions for logging out.
    until(lambda: "panel-14-action" in container.programs(), "the panel")
    until(lambda: "xfdesktop" in container.programs(), "the desktop")
    lines = container.logs().splitlines()
    absent = re.compile("login1|libupower|system bus|pm-is-supported|not found|CRITICAL")
    assert [line for line in lines if absent.search(line)] == []


def test_a_password_protects_page_and_web_socket(start: Start) -> None:
    container = start("minimaldesktop", environment={"AUTH_PASS": "s3cret"})
    right = basic("metauser", "s3cret")
    until(lambda: container.status("/", right) == 200, "the page")
    for wrong in (None, basic("metauser", "wrong"), basic("root", "s3cret"), "Basic %", "Bearer x"):
        assert container.status("/", wrong) == 401
        assert container.status("/desktop.js", wrong) == 401
        assert not banner(container, wrong)
    assert banner(container, right)


def test_the_password_is_in_no_argument_no_log_and_not_in_the_session(start: Start) -> None:
    container = start("minimaldesktop", environment={"AUTH_PASS": "s3cret"})
    until(lambda: container.status("/", basic("metauser", "s3cret")) == 200, "the page")
    until(lambda: "xterm" in container.programs(), "the terminal")
    assert "s3cret" not in container.execute("ps", "-A", "-o", "args=")
    assert "s3cret" not in container.logs()
    script = "tr '\\0' '\\n' </proc/$(pgrep -o xterm)/environ"
    assert "s3cret" not in container.execute("sh", "-c", script)


def test_the_display_needs_its_cookie_and_is_no_tcp_port(start: Start) -> None:
    container = start("minimaldesktop")
    until(lambda: "xterm" in container.programs(), "the terminal")
    result = container.execute("sh", "-c", "DISPLAY=:0 xclock 2>&1 || true")
    assert "Authorization required" in result or "Can't open display" in result
    until(lambda: container.status() == 200, "the page")
    assert listening_ports(container) == {"218E"}
    assert "@/tmp/.X11-unix" not in container.execute("cat", "/proc/net/unix")


def test_an_application_that_exits_is_started_again(start: Start) -> None:
    container = start("guiapplication", environment={"GUI_COMMAND": "xclock -digital"})
    until(lambda: "xclock" in container.programs(), "the application")
    first = container.processes("xclock")
    container.execute("pkill", "xclock")
    until(lambda: container.processes("xclock") not in ([], first), "the application again")


def test_the_container_ends_when_its_x_server_does(start: Start) -> None:
    container = start("guiapplication")
    until(lambda: banner(container), "the VNC banner")
    container.execute("pkill", "Xvnc")
    until(lambda: "The X server or the web page ended." in container.logs(), "the last words")
