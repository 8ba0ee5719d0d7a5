"""Nothing is sent to a host whose key is not the pinned one."""

import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from rosetta_hub.errors import HostKeyProblem
from rosetta_hub.ssh import Endpoint
from rosetta_hub.ssh.errors import HostKeyChanged, HostKeyUnknown, Unreachable
from rosetta_hub.ssh.host_keys import (
    HostKey,
    accept_host_key,
    build_known_hosts_line,
    find_pinned_keys,
)
from rosetta_hub.ssh.keys import KeyPair
from rosetta_hub.ssh.pool import Pool
from rosetta_hub.ssh.scan import scan_host_key
from tests.ssh.conftest import StartSshd, make_endpoint
from tests.support.sshd import Sshd, make_key


def fingerprint(key: Path) -> str:
    command = ["ssh-keygen", "-l", "-f", str(key.with_suffix(".pub"))]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[1]


async def test_unknown_key(
    pool: Pool, endpoint: Endpoint, sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where the service's own account knows the host."""
    home = tmp_path / "home" / ".ssh"
    home.mkdir(parents=True)
    (home / "known_hosts").write_text(sshd.known_hosts)
    monkeypatch.setenv("HOME", str(home.parent))
    with pytest.raises(HostKeyUnknown) as error:
        await pool.run(replace(endpoint, known_hosts=""), ["true"], "", 20)
    assert isinstance(error.value, HostKeyProblem)
    assert fingerprint(sshd.host_key) in str(error.value)
    assert "rosetta-hub check cluster --accept-host-key" in str(error.value)
    assert "Accepted" not in sshd.log
    assert "Failed publickey" not in sshd.log


async def test_changed_key(pool: Pool, endpoint: Endpoint, sshd: Sshd) -> None:
    await pool.run(endpoint, ["true"], "", 20)
    pinned = fingerprint(sshd.host_key)
    sshd.kill()
    sshd.change_host_key()
    sshd.start()
    pool.forget(endpoint)
    with pytest.raises(HostKeyChanged) as error:
        await pool.run(endpoint, ["true"], "", 20)
    assert isinstance(error.value, HostKeyProblem)
    assert fingerprint(sshd.host_key) in str(error.value)
    assert pinned in str(error.value)
    assert "replace its line" in str(error.value)
    good = replace(endpoint, known_hosts=sshd.known_hosts)
    assert (await pool.run(good, ["true"], "", 20)).returncode == 0


async def test_pinned_key_of_another_kind(pool: Pool, endpoint: Endpoint, tmp_path: Path) -> None:
    """The server has no such key at all: it is another host, or was installed anew."""
    key = tmp_path / "ecdsa"
    command = ["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(key)]
    subprocess.run(command, check=True)
    line = build_known_hosts_line(
        "127.0.0.1", endpoint.port or 22, key.with_suffix(".pub").read_text()
    )
    with pytest.raises(HostKeyChanged):
        await pool.run(replace(endpoint, known_hosts=line), ["true"], "", 20)


async def test_revoked_key(pool: Pool, endpoint: Endpoint, sshd: Sshd) -> None:
    text = f"{sshd.known_hosts}@revoked {sshd.known_hosts}"
    with pytest.raises(HostKeyChanged, match="revoked"):
        await pool.run(replace(endpoint, known_hosts=text), ["true"], "", 20)


def make_host_certificate(ca: Path, sshd: Sshd, principal: str) -> Path:
    command = ["ssh-keygen", "-q", "-s", str(ca), "-I", "host", "-h", "-n", principal]
    subprocess.run([*command, str(sshd.host_key.with_suffix(".pub"))], check=True)
    return sshd.host_key.with_name("host_key-cert.pub")


@pytest.mark.parametrize(
    ("principal", "is_trusted"), [("127.0.0.1", True), ("other.example", False)]
)
async def test_certificate_of_a_host(
    pool: Pool, endpoint: Endpoint, sshd: Sshd, tmp_path: Path, principal: str, is_trusted: bool
) -> None:
    ca = make_key(tmp_path / "ca")
    sshd.stop()
    sshd.options["HostCertificate"] = str(make_host_certificate(ca, sshd, principal))
    sshd.start()
    line = f"@cert-authority *,[127.0.0.1]:* {ca.with_suffix('.pub').read_text()}"
    certified = replace(endpoint, known_hosts=line)
    if is_trusted:
        assert (await pool.run(certified, ["true"], "", 20)).returncode == 0
    else:
        with pytest.raises(HostKeyChanged):
            await pool.run(certified, ["true"], "", 20)


async def test_certificate_of_another_ca(
    pool: Pool, endpoint: Endpoint, sshd: Sshd, tmp_path: Path
) -> None:
    ca = make_key(tmp_path / "ca")
    sshd.stop()
    sshd.options["HostCertificate"] = str(make_host_certificate(ca, sshd, "127.0.0.1"))
    sshd.start()
    other = make_key(tmp_path / "other").with_suffix(".pub").read_text()
    line = f"@cert-authority [127.0.0.1]:{sshd.port} {other}"
    with pytest.raises(HostKeyChanged):
        await pool.run(replace(endpoint, known_hosts=line), ["true"], "", 20)


# --- what the administrator accepts --------------------------------------------------------------


async def test_scanned_key_is_accepted(
    pool: Pool, endpoint: Endpoint, sshd: Sshd, tmp_path: Path
) -> None:
    scanned = await scan_host_key(replace(endpoint, known_hosts=""))
    assert scanned.line == sshd.known_hosts.strip()
    assert scanned.fingerprint == fingerprint(sshd.host_key)
    assert "Failed" not in sshd.log
    path = tmp_path / "known_hosts"
    accept_host_key(path, scanned)
    accept_host_key(path, scanned)
    assert path.read_text() == f"{scanned.line}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    accepted = replace(endpoint, known_hosts=path.read_text())
    assert (await pool.run(accepted, ["true"], "", 20)).returncode == 0


async def test_scan_stops_at_the_first_unknown_host(
    start_sshd: StartSshd, key_pair: KeyPair, sshd: Sshd
) -> None:
    from rosetta_hub.ssh import JumpHost

    gate = start_sshd()
    gate.authorize(key_pair.public_key)
    jumps = (JumpHost("127.0.0.1", gate.port),)
    endpoint = make_endpoint(sshd, key_pair, jump_hosts=jumps, known_hosts="")
    assert (await scan_host_key(endpoint)).port == gate.port
    result = replace(endpoint, known_hosts=gate.known_hosts)
    assert (await scan_host_key(result)).port == sshd.port
    everything = replace(endpoint, known_hosts=gate.known_hosts + sshd.known_hosts)
    assert (await scan_host_key(everything)).port == sshd.port


async def test_scan_of_a_server_that_is_down(endpoint: Endpoint, sshd: Sshd) -> None:
    sshd.stop()
    with pytest.raises(Unreachable, match="shows no host key"):
        await scan_host_key(endpoint)


def test_line_is_added_to_a_file_without_an_end(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text("first")
    accept_host_key(path, HostKey("h", 22, "SHA256:x", "second"))
    assert path.read_text() == "first\nsecond\n"


@pytest.mark.parametrize(
    ("host", "port", "name"), [("h.example", 22, "h.example"), ("h.example", 24, "[h.example]:24")]
)
def test_line_names_a_port_of_its_own(host: str, port: int, name: str, sshd: Sshd) -> None:
    public = sshd.host_key.with_suffix(".pub").read_text()
    line = build_known_hosts_line(host, port, public)
    assert line == f"{name} {' '.join(public.split()[:2])}"
    assert find_pinned_keys(line, host, port) == [fingerprint(sshd.host_key)]
    assert find_pinned_keys(line, "other.example", port) == []
