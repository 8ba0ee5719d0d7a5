"""What is refused at start-up, with a message that names entry and key."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import BaseModel
from traitlets.config import Config

import rosetta_hub
from rosetta_hub.catalogue import computing, queue_request, software, validation
from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.catalogue.options import parse_options
from rosetta_hub.cli import main
from rosetta_hub.config import Rosetta
from rosetta_hub.errors import ConfigError, InvalidOptions
from rosetta_hub.tunnel_certificate import build_certificate

HOST: dict[str, Any] = {
    "name": "Vega",
    "access_mode": "ssh",
    "wms": "slurm",
    "container_engines": ["singularity"],
    "max_cpus": 8,
    "max_memory": "16G",
    "max_time": "1d",
}
CONF = {"host": "login.example.org", "known_hosts": "login.example.org ssh-ed25519 AAAA"}
SIZES = [{"name": "small", "cpus": 1}, {"name": "large", "cpus": 4}]
ENTRY = r"^c\.Rosetta\.computing entry "


def refused(*resources: dict[str, Any], **options: Any) -> str:
    """The message, which is for administrators: it holds no regular expression."""
    settings = Rosetta(tasks_url="http://127.0.0.1", computing=list(resources), **options)
    with pytest.raises(ConfigError) as error:
        settings.check()
    message = str(error.value)
    assert not {"^", "$", "[A-Z", "\\"} & set(message), message
    return message


def host(conf: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    return {**HOST, "conf": CONF | (conf or {}), **keys}


def test_a_configuration_that_can_be_used() -> None:
    Rosetta(tasks_url="http://127.0.0.1", computing=[host(sizes=SIZES)]).check()


@pytest.mark.parametrize(
    "key",
    ["known_hosts", "ca_key_file", "certificate_file", "key_file", "ssh_config"],
)
def test_absent_files(tmp_path: Path, key: str) -> None:
    message = refused(host({key: f"{tmp_path}/absent"}))
    assert message.startswith(f"c.Rosetta.computing entry 'vega': key 'conf.{key}': the file")
    assert message.endswith("absent' can't be read: No such file or directory.")


def test_files_are_left_to_a_service_of_its_own(tmp_path: Path) -> None:
    absent = [host({"known_hosts": f"{tmp_path}/absent"})]
    c = Config({"Rosetta": {"tasks_url": "http://127.0.0.1", "computing": absent}})
    rosetta_hub.setup(c, str(tmp_path / "jupyterhub_config.py"), manage_service=False)
    with pytest.raises(SystemExit, match="known_hosts"):
        rosetta_hub.setup(c, str(tmp_path / "jupyterhub_config.py"))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (host(auth_mode="platform_keys"), "auth_mode 'platform_keys' needs the key 'conf.user'."),
        (
            host({"user": "hub"}, auth_mode="platform_keys"),
            "auth_mode 'platform_keys' needs the key 'conf.key_file'.",
        ),
        (host(sizes=[*SIZES, SIZES[0]]), "key 'sizes' has the name ['small'] more than once."),
        (
            host(sizes=[{"name": "huge", "cpus": 9}]),
            "key 'sizes': cpus of 'huge' is larger than max_cpus.",
        ),
        (
            host(sizes=[{"name": "huge", "memory": "17G"}]),
            "key 'sizes': memory of 'huge' is larger than max_memory.",
        ),
        (
            host(sizes=[{"name": "huge", "time": "2d"}]),
            "key 'sizes': time of 'huge' is larger than max_time.",
        ),
        (
            host(sizes=[{"name": "small", "cpu": 1}]),
            "unknown key 'sizes.0.cpu'. Allowed keys: cpus, gpu_type, gpus, label, memory, name,"
            " partition, time.",
        ),
        (
            host(sizes=[{"name": "Small!"}]),
            "key 'sizes.0.name': use at most 63 lowercase letters, digits and . _ - with a letter"
            " or digit first (given: 'Small!').",
        ),
        (
            host({"work_dir": "scratch"}),
            "key 'conf.work_dir': write an absolute path of at most 61 characters, no spaces.",
        ),
        (host({"image_dirs": "/scratch"}), "unknown key 'conf.image_dirs'. Allowed keys: agents_"),
        ({"name": "Host", "acces_mode": "ssh"}, "unknown key 'acces_mode'. Allowed keys: "),
    ],
)
def test_entries(entry: dict[str, Any], expected: str) -> None:
    message = refused(entry)
    assert f"c.Rosetta.computing entry 1 ('{entry['name']}'): {expected}" in message


def test_nodes_that_have_nothing_to_dial() -> None:
    message = refused(host({"tunnel": "reverse"}))
    assert "entry 'vega'" in message
    assert "c.Rosetta.tunnels_url is not set" in message
    resource = host({"tunnel": "reverse"})
    url = "http://127.0.0.1:6999"
    Rosetta(tasks_url="http://127.0.0.1", computing=[resource], tunnels_url=url).check()


@pytest.mark.parametrize(
    ("option", "hint"),
    [("taskurl", "Did you mean 'tasks_url'?"), ("zzz", "Options: "), ("log_limits", "'log_limit'")],
)
def test_misspelt_options(tmp_path: Path, option: str, hint: str) -> None:
    c = Config({"Rosetta": {"tasks_url": "http://127.0.0.1", option: 1}})
    with pytest.raises(SystemExit) as error:
        rosetta_hub.setup(c, str(tmp_path / "jupyterhub_config.py"))
    assert f"c.Rosetta.{option} is not an option. " in str(error.value)
    assert hint in str(error.value)


def test_every_pattern_has_a_rule() -> None:
    """A test of the catalogue's models: what they refuse is said in words."""
    modules = (computing, software, queue_request)
    models = {var for module in modules for var in vars(module).values() if _is_model(var)}
    patterns = [
        getattr(part, "pattern", None)
        for model in models
        for field in model.model_fields.values()
        for part in field.metadata
    ]
    used = {pattern for pattern in patterns if pattern}
    assert len(used) > 8
    assert used <= validation._RULES.keys()


def _is_model(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseModel)


def test_options_of_users_are_refused_in_words() -> None:
    with pytest.raises(InvalidOptions) as error:
        parse_options({"software": "x", "partition": "--wrap=x"})
    assert str(error.value) == (
        "The option 'partition' can't be used: use at most 64 letters, digits and _ . + -."
    )
    assert load_catalogue([], []).families_for(User("alice")) == []


# Certificates


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with two certificates and their keys, one with a passphrase."""
    directory = tmp_path_factory.mktemp("pem")
    for name, protection in (("a", NoEncryption()), ("b", BestAvailableEncryption(b"secret"))):
        certificate = build_certificate(name.encode() * 32)
        key = load_pem_private_key(certificate.key.encode(), None)
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)
        (directory / f"{name}.key").write_bytes(text)
        (directory / f"{name}.crt").write_text(certificate.certificate)
    (directory / "garbage").write_text("hello\n")
    body = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    (directory / "broken").write_text(body)
    return directory


@pytest.mark.parametrize(
    ("certificate", "key", "expected"),
    [
        ("garbage", "a.key", "c.Rosetta.tls_cert: the file"),
        ("broken", "a.key", "is not a chain of certificates in PEM format"),
        ("a.key", "a.key", "is not a chain of certificates in PEM format"),
        ("a.crt", "garbage", "c.Rosetta.tls_key: the file"),
        ("a.crt", "a.crt", "is not a private key in PEM format"),
        ("b.crt", "b.key", "without a passphrase"),
        ("b.crt", "a.key", "is not the key of the first certificate"),
        ("a.crt", "absent", "is not a file"),
    ],
)
@pytest.mark.parametrize("address", ["tasks_url", "tunnels_url"])
def test_certificates_and_keys(
    pem: Path, certificate: str, key: str, expected: str, address: str
) -> None:
    urls = {"tasks_url": "http://127.0.0.1"} | {address: "https://tasks.example.net:7000"}
    files = {"tls_cert": str(pem / certificate), "tls_key": str(pem / key)}
    with pytest.raises(ConfigError) as error:
        Rosetta(**urls, **files).check()
    assert expected in str(error.value)
    assert isinstance(error.value.__cause__, ssl.SSLError | ValueError | TypeError | None)
    good = {"tls_cert": str(pem / "a.crt"), "tls_key": str(pem / "a.key")}
    Rosetta(**urls, **good).check()


@pytest.mark.parametrize("name", ["garbage", "broken", "absent", "."])
def test_ca_of_the_agents(pem: Path, name: str) -> None:
    settings = Rosetta(tasks_url="http://127.0.0.1", agents_ca=str(pem / name))
    with pytest.raises(ConfigError, match=r"^c\.Rosetta\.agents_ca: the file"):
        settings.check()
    settings.agents_ca = str(pem / "a.crt")
    settings.check()


def test_a_command_ends_with_the_message(
    tmp_path: Path, pem: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "jupyterhub_config.py"
    config.write_text(
        "c.Rosetta.tasks_url = 'https://tasks.example.net'\n"
        f"c.Rosetta.tls_cert = {str(pem / 'garbage')!r}\nc.Rosetta.tls_key = {str(pem / 'a.key')!r}"
    )
    assert main(["shutdown", "--config", str(config)]) == 2
    assert "is not a chain of certificates" in capsys.readouterr().err
