"""Where repositories are, and addresses that people paste."""

from typing import Any

import pytest
from pydantic import ValidationError

from rosetta_hub.builds.errors import LinkRefused, SourceRefused
from rosetta_hub.builds.links import parse_address
from rosetta_hub.builds.providers import check_url, link_from_url, port_of, repository_url
from rosetta_hub.builds.source_settings import SourceSettings

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


# What stands in the address bar of a browser, or in `git remote -v` -> the link.
PASTED = {
    "https://github.inst.org:8443/org/repo": "v2/gh/org/repo/HEAD",
    " https://GitHub.inst.org:8443/org/repo.git ": "v2/gh/org/repo/HEAD",
    "https://github.inst.org:8443/org/repo/?tab=readme#x": "v2/gh/org/repo/HEAD",
    "https://github.inst.org:8443/org/repo/tree/v1.0": "v2/gh/org/repo/v1.0",
    "https://github.inst.org:8443/org/repo/blob/main/a/b.ipynb": (
        "v2/gh/org/repo/main?urlpath=doc/tree/a/b.ipynb"
    ),
    "https://github.inst.org:8443/org/repo/issues/7": "v2/gh/org/repo/HEAD",
    "https://gitlab.com/a/b/c": "v2/gl/a%2Fb%2Fc/HEAD",
    "https://gitlab.com/a/b/-/blob/main/x.ipynb": "v2/gl/a%2Fb/main?urlpath=doc/tree/x.ipynb",
    "https://git.inst.org/lab/a/b/-/tree/dev": "v2/inst/a%2Fb/dev",
    "https://gist.github.com/user/abc123": "v2/gist/user/abc123/HEAD",
    "https://git.example.org/a/b.git": "v2/git/https%3A%2F%2Fgit.example.org%2Fa%2Fb.git/HEAD",
}


@pytest.mark.parametrize("url", PASTED)
def test_pasted_addresses(url: str) -> None:
    assert link_from_url(url, SITE).address == PASTED[url]


@pytest.mark.parametrize("url", ["org/repo", "", "git@host:a/b", "https://me:secret@host/a", "x y"])
def test_pasted_texts_that_are_no_addresses(url: str) -> None:
    with pytest.raises(LinkRefused) as refused:
        link_from_url(url, SITE)
    assert "secret" not in str(refused.value)


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
