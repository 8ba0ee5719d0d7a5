"""What `rosetta-hub check` says of an API server that it can't reach, or that does not know it."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rosetta_hub.check.context import CheckFailed
from rosetta_hub.check.kubernetes import KubernetesContext, check_server
from rosetta_hub.kubernetes.api_server import ApiServer
from rosetta_hub.kubernetes.client import KubernetesClient
from rosetta_hub.kubernetes.expiry import find_expiry
from tests.support.certificates import read_certificate
from tests.support.ports import free_port

from .fake_api import FakeApi
from .objects import computing

LATER = datetime(2031, 5, 4, 12, tzinfo=UTC)


def token(claims: Any) -> str:
    """A JWT, whose signature nobody here looks at."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"head.{payload}.signature"


async def check(server: ApiServer) -> str:
    """What the check says of the server."""
    cloud = computing()
    return await check_server(
        KubernetesContext(cloud, cloud.conf, KubernetesClient(lambda: server))  # type: ignore[arg-type]
    )


async def refusal(server: ApiServer) -> tuple[str, str]:
    """What it says of one that fails, and what to do."""
    with pytest.raises(CheckFailed) as raised:
        await check(server)
    return str(raised.value), raised.value.advice


async def test_until_when_the_account_is_valid_is_told(api: FakeApi) -> None:
    api.refuse = lambda method, path: (200, {"gitVersion": "v1.32.3"})
    api.token = token({"exp": int(LATER.timestamp())})
    assert (await check(api.server_with(api.token))).endswith(
        "Kubernetes v1.32.3, account valid until 4 May 2031"
    )
    api.token = "not a JWT"
    assert (await check(api.server_with(api.token))).endswith("Kubernetes v1.32.3")


async def test_an_account_that_has_expired(api: FakeApi) -> None:
    expired = token({"exp": int((datetime.now(UTC) - timedelta(days=1)).timestamp())})
    text, advice = await refusal(api.server_with(expired))
    assert text.startswith("the account's certificate or token has expired on ")
    assert advice.startswith("Put a new certificate or token into the kubeconfig")


async def test_an_account_that_is_not_known(api: FakeApi) -> None:
    text, advice = await refusal(api.server_with(token({"exp": int(LATER.timestamp())})))
    assert text == "the API server does not accept the account's certificate or token"
    assert advice.startswith("Put a new certificate or token into the kubeconfig")


async def test_a_server_of_another_authority(api: FakeApi) -> None:
    folder = api.folder / "other"
    folder.mkdir()
    text, advice = await refusal(replace(api.server, ca=read_certificate(folder)[0]))
    assert text.startswith(f"{api.server.url}: The certificate of the Kubernetes API server is not")
    assert "'certificate-authority'" in advice


async def test_a_server_that_nobody_runs(api: FakeApi) -> None:
    server = replace(api.server, url=f"https://127.0.0.1:{free_port()}")
    text, advice = await refusal(server)
    assert text.startswith(f"{server.url}: The Kubernetes API server can't be reached")
    assert "firewall" in advice


def test_when_a_certificate_ends(api: FakeApi) -> None:
    certificate, _ = read_certificate(api.folder)
    expiry = find_expiry(ApiServer("https://api", "CA", certificate, "KEY"))
    assert expiry is not None
    assert abs(expiry - datetime.now(UTC) - timedelta(days=1)) < timedelta(minutes=5)


UNTOLD = [
    ApiServer("https://api", "CA", "no certificate", "KEY"),
    ApiServer("http://localhost", "", socket="/run/kubectl.sock"),
    *(ApiServer("https://api", "CA", token=text) for text in ("a.b.c", token([]), token({}))),
]


@pytest.mark.parametrize("server", UNTOLD)
def test_when_an_account_ends_is_not_told(server: ApiServer) -> None:
    assert find_expiry(server) is None
