"""What the tunnels' process and its nodes are set up with."""

import ssl
from pathlib import Path

import pytest
from cryptography import x509
from traitlets import TraitError
from traitlets.config import Config

from rosetta_hub.config import Rosetta
from rosetta_hub.keys import Keys
from rosetta_hub.sidecar_settings import tunnels_config
from rosetta_hub.tunnels import DialListener
from rosetta_hub.tunnels.transport_direct import compute_spki


def settings(**options: object) -> Rosetta:
    return Rosetta(config=Config({"Rosetta": options}))


def test_nobody_dials_by_default(tmp_path: Path) -> None:
    config = tunnels_config(settings(state_dir=str(tmp_path)))
    assert config.dial is None
    assert config.task_socket("ab") == tmp_path / "tunnels" / "ab.sock"


def test_nodes_dial_an_address() -> None:
    plain = tunnels_config(settings(tunnels_url="http://127.0.0.1:6999"))
    assert plain.dial == DialListener(6999, "0.0.0.0")
    files = {"tls_cert": "/tls/cert.pem", "tls_key": "/tls/key.pem"}
    url = "https://hub.example.org:6999/"
    secure = tunnels_config(settings(tunnels_url=url, tunnels_bind_ip="192.0.2.1", **files))
    assert secure.dial == DialListener(
        6999, "192.0.2.1", Path(files["tls_cert"]), Path(files["tls_key"])
    )
    assert plain.fingerprint != secure.fingerprint


@pytest.mark.parametrize(
    "url", ["https://hub.example.org", "ssh://hub:1", "https://hub:6999/path", "https://u@h:1"]
)
def test_address_without_a_port_is_refused(url: str) -> None:
    with pytest.raises(TraitError, match="not an address with a port"):
        settings(tunnels_url=url)


def test_certificate_of_an_attempt_follows_from_the_secret(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    first, again = keys.tunnel_certificate("ab", 1), keys.tunnel_certificate("ab", 1)
    assert (first.key, first.spki) == (again.key, again.spki)
    assert first.spki != keys.tunnel_certificate("ab", 2).spki
    assert first.key not in repr(first)
    cert = ssl.PEM_cert_to_DER_cert(first.certificate)
    assert compute_spki(cert) == first.spki
    assert x509.load_der_x509_certificate(cert).public_key().key_size == 256  # type: ignore[union-attr]
