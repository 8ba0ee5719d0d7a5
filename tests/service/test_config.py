"""What an administrator may set, and is told."""

import socket
import tempfile
from pathlib import Path

import pytest
from traitlets import TraitError

from rosetta_hub.config import Rosetta
from rosetta_hub.errors import ConfigError
from rosetta_hub.sidecar_settings import tunnels_config


@pytest.mark.parametrize(
    ("hub", "tasks", "shared"),
    [
        ("https://hub.example.org", "https://tasks.example.org", True),
        ("https://hub.example.org", "https://*.tasks.example.org", True),
        ("https://hub.example.org", "https://example-tasks.org", False),
        ("http://localhost:8000", "http://127.0.0.1", False),
        ("http://10.0.0.1", "http://10.0.0.2", False),
    ],
)
def test_a_shared_domain_is_warned_of(hub: str, tasks: str, shared: bool) -> None:
    assert bool(Rosetta(hub_url=hub, tasks_url=tasks).advice()) is shared


@pytest.mark.parametrize(
    "tasks",
    ["http://localhost", "http://LocalHost.", "http://*.localhost", ""],
)
def test_the_hubs_host_name_is_refused(tasks: str) -> None:
    settings = Rosetta(hub_url="http://localhost:8000")
    if tasks:
        settings.tasks_url = tasks
    with pytest.raises(ConfigError, match=r"tasks_url"):
        settings.check()


@pytest.mark.parametrize(
    ("hub", "tasks"),
    [
        ("http://127.0.0.1:8000", "http://127.1"),
        ("http://127.0.0.1:8000", "http://2130706433"),
        ("http://0x7f.0.0.01:8000", "http://127.0.0.1"),
        ("https://hub.example.org", "https://hub.example.org."),
        ("https://Hub.example.org", "https://hUB.example.org"),
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example"),
        ("https://hub\u3002example.org", "https://hub.example.org"),
        ("http://[::1]:8000", "http://[0:0:0:0:0:0:0:1]"),
        ("http://[::ffff:127.0.0.1]:8000", "http://[::FFFF:7F00:1]"),
    ],
)
def test_the_hubs_host_in_another_spelling_is_refused(hub: str, tasks: str) -> None:
    with pytest.raises(ConfigError, match="the same host name"):
        Rosetta(hub_url=hub, tasks_url=tasks, allow_plain_http=True).check()


def test_a_host_is_spelt_as_browsers_do() -> None:
    settings = Rosetta(hub_url="https://Hub.example.org./jhub/", tasks_url="http://127.1")
    assert (settings.hub_url, settings.hub_origin) == (
        "https://hub.example.org/jhub",
        "https://hub.example.org",
    )
    assert settings.tasks_host == "127.0.0.1"
    assert Rosetta(tasks_url="https://*.B\u00fccher.example.").tasks_url == (
        "https://*.xn--bcher-kva.example"
    )
    assert Rosetta(tasks_url="http://[0::1]").tasks_host == "[::1]"


@pytest.mark.parametrize(
    "url", ["http://1.2.3.4.5", "http://1.2.3.400", "http://[::1", "http://a..b"]
)
def test_a_host_that_no_browser_takes(url: str) -> None:
    with pytest.raises(TraitError, match="not an address"):
        Rosetta(tasks_url=url)


@pytest.mark.parametrize(
    "tasks", ["http://tasks.example.net", "http://10.0.0.1", "http://[fe80::1]"]
)
def test_plain_http_over_a_network_is_refused(tasks: str) -> None:
    with pytest.raises(ConfigError, match="not a loopback address"):
        Rosetta(tasks_url=tasks).check()
    Rosetta(tasks_url=tasks, allow_plain_http=True).check()


@pytest.mark.parametrize(
    "tasks", ["http://127.0.0.1", "http://127.3.2.1", "http://[::1]", "http://*.tasks.localhost"]
)
def test_plain_http_on_a_loopback_address_is_fine(tasks: str) -> None:
    Rosetta(tasks_url=tasks).check()


def test_https_needs_a_certificate() -> None:
    settings = Rosetta(hub_url="https://hub.example.org", tasks_url="https://tasks.example.net")
    with pytest.raises(ConfigError, match=r"tls_cert .* is not a file"):
        settings.check()


@pytest.mark.parametrize("ports", ["7000", "7000-", "8000-7000", "0-10", "7000-99999"])
def test_a_range_of_ports(ports: str) -> None:
    with pytest.raises(TraitError, match="not a range of ports"):
        Rosetta(tasks_ports=ports)


@pytest.mark.parametrize("url", ["tasks.example.org", "ftp://x", "https://user@host"])
def test_an_address(url: str) -> None:
    with pytest.raises(TraitError, match="not an address"):
        Rosetta(tasks_url=url)


def test_the_prefix_follows_the_hubs_base_url() -> None:
    settings = Rosetta(hub_url="https://example.org/jupyter/")
    assert settings.service_prefix == "/jupyter/services/rosetta/"
    assert settings.hub_origin == "https://example.org"


MAIL = {
    "tasks_url": "http://127.0.0.1",
    "smtp_host": "mail.example.org",
    "mail_from": "Our hub <hub@example.org>",
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mail_from": ""}, "mail_from"),
        ({"mail_from": "hub"}, "mail_from"),
        ({"mail_from": "hub@example.org\nBcc: eve@example.org"}, "mail_from"),
        ({"mail_domain": "@example.org"}, "mail_domain"),
        ({"smtp_user": "hub"}, "smtp_password_file"),
        ({"smtp_user": "hub", "smtp_password_file": "/nowhere"}, "smtp_password_file"),
        (
            {"smtp_user": "hub", "smtp_password_file": __file__, "smtp_security": "none"},
            "clear text",
        ),
    ],
)
def test_what_no_mail_can_be_sent_with(changes: dict[str, str], message: str) -> None:
    Rosetta(**MAIL).check()
    with pytest.raises(ConfigError, match=message):
        Rosetta(**(MAIL | changes)).check()


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_port_follows_the_security(security: str, port: int) -> None:
    settings = Rosetta(**MAIL, smtp_security=security)
    assert settings.smtp_address == ("mail.example.org", port)
    settings.smtp_port = 2525
    assert settings.smtp_address == ("mail.example.org", 2525)


def test_state_dir_leaves_room_for_the_paths_of_sockets() -> None:
    with tempfile.TemporaryDirectory(prefix="rosetta-") as folder:
        longest = Path(folder) / ("x" * (81 - len(folder) - 1))
        Rosetta(tasks_url="http://127.0.0.1", state_dir=str(longest)).check()
        sockets = tunnels_config(Rosetta(state_dir=str(longest)))
        sockets.sockets_dir.mkdir(parents=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(sockets.task_socket("0" * 12)))
        with pytest.raises(ConfigError, match="has 82 bytes, and 81 are possible"):
            Rosetta(tasks_url="http://127.0.0.1", state_dir=f"{longest}x").check()
