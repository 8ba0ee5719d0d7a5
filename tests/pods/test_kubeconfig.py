"""Kubeconfig files, and the account of our own pod."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.kubernetes.api_server import ApiServer
from rosetta_hub.kubernetes.kubeconfig import read_in_cluster, read_kubeconfig

Document = dict[str, Any]


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def write(folder: Path, cluster: Document, user: Document) -> Path:
    path = folder / "config"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://api:6443/", **cluster}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(json.dumps(config))
    return path


def test_certificates_stand_in_the_file(tmp_path: Path) -> None:
    user = {"client-certificate-data": encode("CERT"), "client-key-data": encode("KEY")}
    path = write(tmp_path, {"certificate-authority-data": encode("CA")}, user)
    assert read_kubeconfig(path) == ApiServer("https://api:6443", "CA", "CERT", "KEY")


def test_files_are_found_beside_it_and_read_again(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("CA")
    (tmp_path / "token").write_text("first\n")
    path = write(tmp_path, {"certificate-authority": "ca.crt"}, {"tokenFile": "token"})
    assert read_kubeconfig(path, "x").token == "first"
    (tmp_path / "token").write_text("second\n")
    assert read_kubeconfig(path, "x").token == "second"


REFUSED: list[tuple[Document, Document, str]] = [
    ({"insecure-skip-tls-verify": True}, {"token": "t"}, "insecure-skip-tls-verify"),
    ({"server": "http://api:8080"}, {"token": "t"}, "https"),
    ({"certificate-authority-data": ""}, {"token": "t"}, "ca-certificates.crt"),
    ({"server": ""}, {"token": "t"}, "https"),
    ({}, {"exec": {"command": "aws"}}, "set 'access_mode' to 'local'"),
    ({}, {"client-certificate-data": encode("CERT")}, "certificate with its key"),
    ({"certificate-authority-data": "!"}, {"token": "t"}, "malformed"),
]


@pytest.mark.parametrize(("cluster", "user", "named"), REFUSED)
def test_what_is_not_supported_is_named(
    tmp_path: Path, cluster: Document, user: Document, named: str
) -> None:
    path = write(tmp_path, {"certificate-authority-data": encode("CA"), **cluster}, user)
    with pytest.raises(ResourceUnavailable, match=named):
        read_kubeconfig(path)


def test_a_context_that_is_not_there(tmp_path: Path) -> None:
    path = write(tmp_path, {"certificate-authority-data": encode("CA")}, {"token": "t"})
    with pytest.raises(ResourceUnavailable, match="it has no context 'other'"):
        read_kubeconfig(path, "other")


def test_faults_do_not_quote_secrets(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("users: [{name: u, user: {token: s3cret")
    with pytest.raises(ResourceUnavailable) as raised:
        read_kubeconfig(path)
    assert "s3cret" not in str(raised.value)
    assert "s3cret" not in repr(ApiServer("https://api", "CA", token="s3cret", key="s3cret"))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        (None, "https://kubernetes.default.svc"),
        ("10.96.0.1", "https://10.96.0.1:443"),
        ("fd00::1", "https://[fd00::1]:443"),
    ],
)
def test_the_account_of_a_pod(tmp_path: Path, host: str | None, url: str) -> None:
    (tmp_path / "ca.crt").write_text("CA")
    (tmp_path / "token").write_text("token\n")
    document = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"} if host else {}
    server = read_in_cluster(tmp_path, document)
    assert (server.url, server.token) == (url, "token")
    assert server.headers == {"Authorization": "Bearer token"}


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ResourceUnavailable, match="can't be read"):
        read_in_cluster(tmp_path / "none")
