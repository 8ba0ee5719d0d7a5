"""Links to repositories, as BinderHub writes them, and back."""

import pytest

from rosetta_hub.builds.errors import LinkRefused
from rosetta_hub.builds.links import (
    DEFAULT_KINDS,
    RepositoryLink,
    parse_link,
)

from .addresses import parse_address

# Specs out of BinderHub's own documentation and tests -> repository and ref.
SPECS = {
    ("gh", "jupyterhub/binderhub/main"): ("jupyterhub/binderhub", "main"),
    ("gh", "jupyterhub/binderhub.git/main"): ("jupyterhub/binderhub", "main"),
    ("gh", "binder-examples/requirements/feature/x"): ("binder-examples/requirements", "feature/x"),
    ("gh", "org/.github/v1.0"): ("org/.github", "v1.0"),
    ("gl", "group%2Fproject%2Frepo/main"): ("group/project/repo", "main"),
    ("gl", "mosaik%2Fexamples%2Fmosaik-tutorials.git/feature%2Fx"): (
        "mosaik/examples/mosaik-tutorials",
        "feature/x",
    ),
    ("git", "https%3A%2F%2Fgithub.com%2Fbinder-examples%2Fconda/main"): (
        "https://github.com/binder-examples/conda",
        "main",
    ),
    ("git", "https%3A%2F%2Fgit.example.org%3A8443%2F~me%2Fa.git/HEAD"): (
        "https://git.example.org:8443/~me/a.git",
        "HEAD",
    ),
    ("gist", "mariusvniekerk/8658af6b2c2a2b5c4b4f4c4a5ad5ad1c"): (
        "mariusvniekerk/8658af6b2c2a2b5c4b4f4c4a5ad5ad1c",
        "HEAD",
    ),
    ("gist", "user/8658af6b/34931911e853252322f2309f1246a4f1076fd7d9"): (
        "user/8658af6b",
        "34931911e853252322f2309f1246a4f1076fd7d9",
    ),
    ("zenodo", "10.5281/zenodo.3242074"): ("10.5281/zenodo.3242074", ""),
    ("zenodo", "https%3A%2F%2Fdoi.org%2F10.5281%2Fzenodo.3242074"): ("10.5281/zenodo.3242074", ""),
    ("figshare", "10.6084/m9.figshare.9782777.v1"): ("10.6084/m9.figshare.9782777.v1", ""),
    ("dataverse", "10.7910/DVN/TJCLKP"): ("10.7910/DVN/TJCLKP", ""),
    ("hydroshare", "8f7c2f0341ef4180b0dbe97f59130756"): ("8f7c2f0341ef4180b0dbe97f59130756", ""),
    ("hydroshare", "https://www.hydroshare.org/resource/8f7c2f0341ef4180b0dbe97f59130756/"): (
        "8f7c2f0341ef4180b0dbe97f59130756",
        "",
    ),
    ("hydroshare", "10.4211/hs.8f7c2f0341ef4180b0dbe97f59130756"): (
        "8f7c2f0341ef4180b0dbe97f59130756",
        "",
    ),
}


@pytest.mark.parametrize(("provider", "spec"), SPECS)
def test_specs_of_binderhub(provider: str, spec: str) -> None:
    link = parse_link(provider, spec)
    assert (link.repository, link.ref) == SPECS[provider, spec]
    assert parse_address(link.address) == link


@pytest.mark.parametrize("provider", DEFAULT_KINDS)
def test_every_provider_has_a_case(provider: str) -> None:
    assert any(name == provider for name, _ in SPECS)


CANONICAL = [
    "v2/gh/org/repo/HEAD",
    "v2/gh/org/repo/feature/x%23y?urlpath=lab/tree/a%20b.ipynb",
    "v2/gl/group%2Fsub%2Fproject/main?computing=cluster&size=small&port=8050",
    "v2/git/https%3A%2F%2Fgit.example.org%2Fa%2Fb.git/v1.0",
    "v2/gist/user/8658af6b/HEAD",
    "v2/zenodo/10.5281/zenodo.3242074?urlpath=doc/tree/a.ipynb",
]


@pytest.mark.parametrize("address", CANONICAL)
def test_a_canonical_link_is_printed_as_it_was_read(address: str) -> None:
    assert parse_address(address).address == address


PATHS = {
    "urlpath": ("/lab/tree/a.ipynb?x=1", "lab/tree/a.ipynb?x=1"),
    "labpath": ("/a b/c.ipynb/", "doc/tree/a%20b/c.ipynb"),
    "filepath": ("a/b.ipynb", "tree/a/b.ipynb"),
}


@pytest.mark.parametrize("key", PATHS)
def test_paths_that_are_opened(key: str) -> None:
    value, opened = PATHS[key]
    assert parse_link("gh", "a/b/c", {key: value}).urlpath == opened


def test_everything_that_a_link_can_say() -> None:
    query = {"urlpath": "lab", "computing": "cluster", "size": "small", "port": "80", "other": "1"}
    link = parse_link("gh", "a/b/c", query)
    assert link == RepositoryLink("gh", "github", "a/b", "c", "lab", "cluster", "small", 80)
    assert parse_address(link.address) == link


def test_providers_of_the_site() -> None:
    kinds = {"institute": DEFAULT_KINDS["gl"]}
    link = parse_address("v2/institute/a%2Fb/main", kinds)
    assert (link.provider, link.repository) == ("institute", "a/b")
    with pytest.raises(LinkRefused, match=r"no provider 'gh'. Use one of: institute\."):
        parse_address("v2/gh/a/b/c", kinds)


REFUSED = {
    ("gh", "org/repo"): r"Write USER/REPOSITORY/REF .* default branch: 'org/repo/HEAD'",
    ("gh", "org"): "Write USER/REPOSITORY/REF",
    ("gh", "org/repo/"): "default branch: 'org/repo/HEAD'",
    ("gh", "-org/repo/main"): "'-org' can't be part",
    ("gh", "org/../main"): "'..' can't be part",
    ("gh", "org%2Fa/repo/main"): "'org/a' can't be part",
    ("gh", "org/repo/--upload-pack=x"): "can't be the name of a branch",
    ("gh", "org/repo/a%20b"): "can't be the name of a branch",
    ("gh", "org/repo/a%0Ab"): "can't be the name of a branch",
    ("gh", "org/repo/a..b"): "can't be the name of a branch",
    ("gh", "org/repo/" + "a" * 251): "can't be the name of a branch",
    ("gh", "org/" + "a" * 500 + "/main"): "more than 500 characters",
    ("gl", "group/project/main"): "written as %2F",
    ("gl", "group%2F-project/main"): "'-project' can't be part",
    ("git", "https://github.com/a/b/main"): "every character quoted",
    ("git", "git%40github.com%3Aa%2Fb/main"): "Only https addresses",
    ("git", "https%3A%2F%2Fuser%3Asecret%40host%2Fa/main"): "without user name and password",
    ("git", "https%3A%2F%2F%2Fa/main"): "This is not an address",
    ("git", "https%3A%2F%2Fhost%3Aport%2Fa/main"): "This is not an address",
    ("git", "https%3A%2F%2Fhost%2Fa%3Fb/main"): "This is not an address",
    ("git", "https%3A%2F%2Fhost%2Fa%20b/main"): "This is not an address",
    ("git", "https%3A%2F%2Fhost%2Fa/"): "every character quoted",
    ("gist", "user"): "Write USER/ID",
    ("gist", "user/not-hex"): "Write USER/ID",
    ("zenodo", "zenodo.3242074"): "is not a DOI",
    ("zenodo", "10.5281/a%20b"): "is not a DOI",
    ("hydroshare", "8f7c"): "not a resource of HydroShare",
    ("nowhere", "a/b/c"): "There is no provider 'nowhere'",
}


@pytest.mark.parametrize(("provider", "spec"), REFUSED)
def test_refused_specs(provider: str, spec: str) -> None:
    with pytest.raises(LinkRefused, match=REFUSED[provider, spec]) as refused:
        parse_link(provider, spec)
    assert "secret" not in str(refused.value)


REFUSED_QUERIES = {
    ("port", "0"): "not a port",
    ("port", "65536"): "not a port",
    ("port", "\uff18\uff10"): "not a port",
    ("computing", "A b"): "value of computing=",
    ("size", "<b>"): "value of size=",
    ("urlpath", "a\nb"): "path to open",
    ("urlpath", "\\\\host/a"): "path to open",
    ("urlpath", "a" * 2001): "path to open",
}


@pytest.mark.parametrize(("key", "value"), REFUSED_QUERIES)
def test_refused_queries(key: str, value: str) -> None:
    with pytest.raises(LinkRefused, match=REFUSED_QUERIES[key, value]):
        parse_link("gh", "a/b/c", {key: value})


def test_a_path_never_leads_to_another_host() -> None:
    assert parse_link("gh", "a/b/c", {"urlpath": "//evil.example.org/x"}).urlpath == (
        "evil.example.org/x"
    )
