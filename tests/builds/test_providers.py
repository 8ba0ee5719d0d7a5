"""Where repositories are, and whether they may be used."""

from typing import Any

import pytest
from pydantic import ValidationError

from rosetta_hub.builds.errors import LinkRefused, SourceRefused
from rosetta_hub.builds.providers import check_url, port_of, repository_url
from rosetta_hub.builds.source_settings import SourceSettings

from .addresses import parse_address

SITE = SourceSettings.model_validate(
    {
        "providers": {
            "inst": {"kind": "gitlab", "name": "Institute", "url": "https://git.inst.org/lab"},
            "gh": {"kind": "github", "name": "Enterprise", "url": "https://github.inst.org:8443"},
            "figshare": None,
        }
    }
)

URLS = {
    "v2/gh/org/repo/main": "https://github.inst.org:8443/org/repo",
    "v2/gl/a%2Fb%2Fc/main": "https://gitlab.com/a/b/c.git",
    "v2/inst/a%2Fb/main": "https://git.inst.org/lab/a/b.git",
    "v2/gist/user/abc123": "https://gist.github.com/abc123.git",
    "v2/git/https%3A%2F%2FGIT.example.org%2Fa%2Fb%2F/x": "https://git.example.org/a/b",
}


@pytest.mark.parametrize("address", URLS)
def test_addresses_of_repositories(address: str) -> None:
    assert repository_url(parse_address(address, SITE.kinds), SITE) == URLS[address]


def test_a_provider_that_the_site_has_taken_away() -> None:
    with pytest.raises(LinkRefused, match="no provider 'figshare'"):
        parse_address("v2/figshare/10.6084/m9.figshare.1", SITE.kinds)


def test_ports() -> None:
    assert [port_of(url) for url in ("https://a/b", "http://a", "https://a:7/")] == [443, 80, 7]


def test_a_host_with_its_port_in_the_list() -> None:
    settings = SourceSettings(hosts=("git.example.org:8443",))
    assert check_url("https://git.example.org:8443/a", settings)
    with pytest.raises(SourceRefused, match="are not used here"):
        check_url("https://git.example.org/a", settings)


WRONG: dict[str, dict[str, Any]] = {
    "a prefix": {"providers": {"A/b": {"kind": "git", "name": "x"}}},
    "an address that ends with a slash": {
        "providers": {"a": {"kind": "gitlab", "name": "x", "url": "https://a/"}}
    },
    "a kind": {"providers": {"a": {"kind": "svn", "name": "x"}}},
    "an expression": {"banned": ["("]},
    "a network": {"networks": ["10.0.0.0/99"]},
    "an unknown key": {"host": []},
}


@pytest.mark.parametrize("name", WRONG)
def test_settings_that_are_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        SourceSettings.model_validate(WRONG[name])
