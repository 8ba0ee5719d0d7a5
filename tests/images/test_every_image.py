"""What each base container promises, wherever it runs."""

from __future__ import annotations

import pytest

from tests.images.conftest import Start
from tests.images.containers import ANY_UID, PORTS, Container, until

ROUTES = {
    "as it is": ((), None),
    "as root": (("--user=0",), None),
    "any uid, nothing writable, another port": ((*ANY_UID, "--cap-drop=ALL"), 7100),
}


def answers(container: Container, image: str) -> bool:
    if image == "sshserver":
        return container.first_bytes().startswith(b"SSH-2.0-")
    return container.status() == 200


def environment(image: str, port: int | None) -> dict[str, str]:
    variables = {} if port is None else {"BASE_PORT": str(port)}
    if image == "sshserver":
        variables["AUTH_PASS"] = "open sesame"
    return variables


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("image", PORTS)
def test_answers_and_ends_when_asked(image: str, route: str, start: Start) -> None:
    flags, port = ROUTES[route]
    container = start(image, *flags, environment=environment(image, port))
    until(lambda: answers(container, image), f"{image} {route}")
    assert container.execute("/opt/rosetta/entrypoint", "whoami") == "metauser"
    assert container.stop() != 137


@pytest.mark.parametrize("image", ["guiapplication", "sshserver"])
def test_answers_under_podman(image: str, start: Start, podman_images: None) -> None:
    variables = environment(image, 7100)
    container = start(image, *ANY_UID, engine="podman", environment=variables)
    until(lambda: answers(container, image), image)
    assert container.stop() != 137


def test_a_port_that_is_none_is_refused_in_words(start: Start) -> None:
    container = start("guiapplication", "--env=BASE_PORT=http")
    until(lambda: "BASE_PORT must be a port number, not 'http'." in container.logs(), "the words")
    assert container.stop() == 64
