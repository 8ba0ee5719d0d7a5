"""Keys, certificates and hosts on the way."""

import logging
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from rosetta_hub.errors import AuthenticationFailed
from rosetta_hub.ssh import Endpoint, JumpHost
from rosetta_hub.ssh.errors import HostKeyUnknown, KeyRefused, SshRefused, Unreachable
from rosetta_hub.ssh.keys import (
    KeyPair,
    generate_key_pair,
    read_public_key,
    sign_user_key,
)
from rosetta_hub.ssh.pool import Pool
from rosetta_hub.ssh.ssh_config import parse_proxy_jump
from tests.ssh.conftest import StartSshd, make_endpoint
from tests.support.eventually import until
from tests.support.sshd import Sshd, make_key


def other_key() -> KeyPair:
    return generate_key_pair("alice on the cluster")


async def test_key_that_is_not_installed(pool: Pool, sshd: Sshd) -> None:
    pair = other_key()
    with pytest.raises(KeyRefused) as error:
        await pool.run(make_endpoint(sshd, pair), ["true"], "", 20)
    assert isinstance(error.value, AuthenticationFailed)
    text = str(error.value)
    # The page there has it with its options in front; the bare key beside it would mislead.
    assert "the line shown under 'Account'" in text
    assert pair.public_key not in text
    assert f"user name '{sshd.username}'" in text
    assert "either the key is not installed" in text.lower()
    sshd.authorize(pair.public_key)
    pool.forget(make_endpoint(sshd, pair))
    assert (await pool.run(make_endpoint(sshd, pair), ["true"], "", 20)).returncode == 0


@pytest.mark.parametrize("more", ["keyboard-interactive", "password"])
async def test_server_that_wants_a_second_factor(
    pool: Pool, start_sshd: StartSshd, key_pair: KeyPair, more: str
) -> None:
    options = {"PasswordAuthentication": "yes", "KbdInteractiveAuthentication": "yes"}
    sshd = start_sshd(AuthenticationMethods=f"publickey,{more}", UsePAM="yes", **options)
    sshd.authorize(key_pair.public_key)
    with pytest.raises(KeyRefused, match="asks for a second factor") as error:
        await pool.run(make_endpoint(sshd, key_pair), ["true"], "", 20)
    assert "`AuthenticationMethods publickey`" in str(error.value)
    # A key that is not there is told as such, also by a server that takes other things, too.
    for server in (sshd, start_sshd(UsePAM="yes", **options)):
        with pytest.raises(KeyRefused, match="does not accept the key"):
            await pool.run(make_endpoint(server, other_key()), ["true"], "", 20)
    assert "Failed password" not in sshd.log


async def test_platform_key_that_is_not_installed(pool: Pool, sshd: Sshd) -> None:
    pair = other_key()
    endpoint = make_endpoint(sshd, pair, identity="platform")
    with pytest.raises(KeyRefused, match=r"authorized_keys") as error:
        await pool.run(endpoint, ["true"], "", 20)
    assert pair.public_key in str(error.value)


async def test_wrong_user_name(pool: Pool, endpoint: Endpoint) -> None:
    with pytest.raises(KeyRefused, match="'nobody-of-that-name'"):
        await pool.run(replace(endpoint, username="nobody-of-that-name"), ["true"], "", 20)


async def test_only_the_given_key_is_tried(
    pool: Pool, sshd: Sshd, key_pair: KeyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the keys of the service's own account, nor those of an agent."""
    home = tmp_path / "home" / ".ssh"
    home.mkdir(parents=True, mode=0o700)
    (home / "id_ed25519").write_text(key_pair.private_key)
    (home / "id_ed25519").chmod(0o600)
    started = subprocess.run(["ssh-agent", "-s"], check=True, capture_output=True, text=True)
    values = dict(part.split("=") for part in started.stdout.split(";") if "=" in part)
    variables = {name.strip(): value for name, value in values.items()}
    environment = {**os.environ, **variables}
    try:
        add = ["ssh-add", "-q", str(home / "id_ed25519")]
        subprocess.run(add, check=True, env=environment)
        monkeypatch.setenv("SSH_AUTH_SOCK", variables["SSH_AUTH_SOCK"])
        monkeypatch.setenv("HOME", str(home.parent))
        with pytest.raises(KeyRefused):
            await pool.run(make_endpoint(sshd, other_key()), ["true"], "", 20)
    finally:
        subprocess.run(["ssh-agent", "-k"], check=True, env=environment, capture_output=True)


@pytest.mark.parametrize("key", ["", "nonsense", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"])
async def test_key_that_cannot_be_read(pool: Pool, endpoint: Endpoint, key: str) -> None:
    with pytest.raises(KeyRefused, match="can't be read"):
        await pool.run(replace(endpoint, private_key=key), ["true"], "", 20)


async def test_key_with_a_passphrase(pool: Pool, endpoint: Endpoint, tmp_path: Path) -> None:
    path = tmp_path / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "s3cret", "-f", str(path)]
    subprocess.run(command, check=True)
    with pytest.raises(KeyRefused, match="passphrase"):
        await pool.run(replace(endpoint, private_key=path.read_text()), ["true"], "", 20)


async def test_host_that_is_not_there(pool: Pool, endpoint: Endpoint) -> None:
    with pytest.raises(Unreachable, match="its name is not known"):
        await pool.run(replace(endpoint, host="host.invalid"), ["true"], "", 20)


# --- certificates --------------------------------------------------------------------------------


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    return make_key(tmp_path / "user_ca")


@pytest.fixture
def trusting_sshd(start_sshd: StartSshd, ca: Path) -> Sshd:
    """It knows no key, only the CA."""
    return start_sshd(TrustedUserCAKeys=str(ca.with_suffix(".pub")))


async def test_key_signed_by_the_site(pool: Pool, trusting_sshd: Sshd, ca: Path) -> None:
    pair = other_key()
    sign = (ca.read_text(), pair.public_key, trusting_sshd.username, 5, "alice of rosetta")
    endpoint = make_endpoint(trusting_sshd, pair, certificate=sign_user_key(*sign))
    assert (await pool.run(endpoint, ["true"], "", 20)).returncode == 0
    assert "alice of rosetta" in trusting_sshd.log


@pytest.mark.parametrize(("principal", "minutes"), [(None, -10), ("somebody-else", 5)])
async def test_certificate_that_does_not_fit(
    pool: Pool, trusting_sshd: Sshd, ca: Path, principal: str | None, minutes: int
) -> None:
    pair = other_key()
    name = principal or trusting_sshd.username
    if minutes < 0:
        command = ["ssh-keygen", "-q", "-s", str(ca), "-I", "x", "-n", name, "-V", "-2h:-1h"]
        path = ca.with_name("key.pub")
        path.write_text(pair.public_key)
        subprocess.run([*command, str(path)], check=True)
        certificate = ca.with_name("key-cert.pub").read_text()
    else:
        certificate = sign_user_key(ca.read_text(), pair.public_key, name, minutes, "x")
    with pytest.raises(KeyRefused, match="does not accept the certificate"):
        await pool.run(
            make_endpoint(trusting_sshd, pair, certificate=certificate), ["true"], "", 20
        )


def test_certificate_is_short_and_narrow(ca: Path, tmp_path: Path) -> None:
    path = tmp_path / "cert.pub"
    path.write_text(sign_user_key(ca.read_text(), other_key().public_key, "alice", 5, "id"))
    command = ["ssh-keygen", "-L", "-f", str(path)]
    stdout = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "alice" in stdout
    assert "permit-port-forwarding" in stdout
    assert "permit-agent-forwarding" not in stdout
    assert "forever" not in stdout


# --- hosts on the way ----------------------------------------------------------------------------


@pytest.fixture
def gate(start_sshd: StartSshd, key_pair: KeyPair) -> Sshd:
    gate = start_sshd()
    gate.authorize(key_pair.public_key)
    return gate


async def test_jump_host(pool: Pool, sshd: Sshd, gate: Sshd, key_pair: KeyPair) -> None:
    jumps = (JumpHost("127.0.0.1", gate.port),)
    known_hosts = sshd.known_hosts + gate.known_hosts
    endpoint = make_endpoint(sshd, key_pair, jump_hosts=jumps, known_hosts=known_hosts)
    assert (await pool.run(endpoint, ["echo", "on"], "", 20)).stdout == "on\n"
    assert gate.log.count("Accepted publickey") == 1
    gate.drop_connections()
    await until(lambda: not pool.identity(endpoint).is_connected)
    assert (await pool.run(endpoint, ["echo", "on"], "", 30)).stdout == "on\n"


async def test_key_of_a_jump_host_is_checked(
    pool: Pool, sshd: Sshd, gate: Sshd, key_pair: KeyPair
) -> None:
    jumps = (JumpHost("127.0.0.1", gate.port),)
    with pytest.raises(HostKeyUnknown, match=f"port {gate.port}"):
        await pool.run(make_endpoint(sshd, key_pair, jump_hosts=jumps), ["true"], "", 20)
    assert "Accepted" not in gate.log


async def test_key_behind_a_jump_host_is_checked(
    pool: Pool, sshd: Sshd, gate: Sshd, key_pair: KeyPair
) -> None:
    jumps = (JumpHost("127.0.0.1", gate.port),)
    endpoint = make_endpoint(sshd, key_pair, jump_hosts=jumps, known_hosts=gate.known_hosts)
    with pytest.raises(HostKeyUnknown, match=f"port {sshd.port}"):
        await pool.run(endpoint, ["true"], "", 20)


async def test_ssh_config(
    pool: Pool, sshd: Sshd, gate: Sshd, key_pair: KeyPair, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"Host login\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User {sshd.username}\n"
        f"  ProxyJump gate\nHost gate\n  HostName 127.0.0.1\n  Port {gate.port}\n"
    )
    endpoint = Endpoint(
        resource="cluster",
        identity="platform",
        host="login",
        port=None,
        username=None,
        private_key=key_pair.private_key,
        known_hosts=sshd.known_hosts + gate.known_hosts,
        ssh_config=str(config),
    )
    with pytest.raises(SshRefused, match="No user name is configured for gate"):
        await pool.run(endpoint, ["true"], "", 20)
    config.write_text(config.read_text() + f"  User {gate.username}\n")
    pool.forget(endpoint)
    assert (await pool.run(endpoint, ["echo", "on"], "", 20)).stdout == "on\n"
    assert gate.log.count("Accepted publickey") == 1


async def test_missing_ssh_config(pool: Pool, endpoint: Endpoint, tmp_path: Path) -> None:
    missing = replace(endpoint, ssh_config=str(tmp_path / "missing"))
    with pytest.raises(SshRefused, match=r"missing.* can't be used"):
        await pool.run(missing, ["true"], "", 20)


@pytest.mark.parametrize(
    ("text", "jumps"),
    [
        ("gate", [JumpHost("gate")]),
        ("bob@gate:24,inner", [JumpHost("gate", 24, "bob"), JumpHost("inner")]),
        ("[::1]:24", [JumpHost("::1", 24)]),
        ("bob@::1", [JumpHost("::1", None, "bob")]),
        ("ssh://gate:24", [JumpHost("gate", 24)]),
    ],
)
def test_parse_proxy_jump(text: str, jumps: list[JumpHost]) -> None:
    assert parse_proxy_jump(text) == tuple(jumps)


# --- key pairs and secrets -----------------------------------------------------------------------


def test_generated_key_pair(tmp_path: Path) -> None:
    pair = generate_key_pair("alice\nat  home")
    path = tmp_path / "key"
    path.write_text(pair.private_key)
    path.chmod(0o600)
    process = subprocess.run(["ssh-keygen", "-y", "-f", str(path)], check=True, capture_output=True)
    assert process.stdout.decode().split()[:2] == pair.public_key.split()[:2]
    assert pair.public_key.startswith("ssh-ed25519 ")
    assert pair.public_key.endswith(" alice at home")
    assert read_public_key(pair.private_key) == pair.public_key


async def test_secrets_are_not_shown(
    pool: Pool, sshd: Sshd, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    pair = other_key()
    endpoint = make_endpoint(sshd, pair, certificate="ssh-ed25519-cert-v01@openssh.com AAAAcert x")
    secret = pair.private_key.splitlines()[2]
    assert secret not in repr(endpoint)
    assert "AAAAcert" not in repr(endpoint)
    assert secret not in repr(pair)
    with pytest.raises(KeyRefused) as error:
        await pool.run(make_endpoint(sshd, pair), ["true"], "a s3cret", 20)
    sshd.authorize(pair.public_key)
    pool.forget(make_endpoint(sshd, pair))
    await pool.run(make_endpoint(sshd, pair), ["cat"], "a s3cret", 20)
    for text in (caplog.text, str(error.value), repr(pool.__dict__)):
        assert secret not in text
        assert "a s3cret" not in text


def test_endpoint_survives_the_journey(endpoint: Endpoint) -> None:
    full = replace(endpoint, jump_hosts=(JumpHost("a", 1, "b"), JumpHost("c")), certificate="x")
    assert Endpoint.from_document(full.to_document()) == full
