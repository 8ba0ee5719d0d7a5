"""From a link to a commit, with a real git server."""

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from rosetta_hub.builds import source
from rosetta_hub.builds.errors import SourceRefused, SourceUnavailable
from rosetta_hub.builds.links import parse_link
from rosetta_hub.builds.source import build_ls_remote_arguments, parse_ls_remote, resolve
from rosetta_hub.builds.source_settings import SourceSettings
from tests.support.git_server import Answer, GitServer

REFS_QUERY = "/info/refs?service=git-upload-pack"


def changed(settings: SourceSettings, **values: Any) -> SourceSettings:
    return SourceSettings.model_validate({**settings.model_dump(), **values})


async def refusal(link: str, settings: SourceSettings, provider: str = "gh") -> str:
    with pytest.raises(SourceRefused) as refused:
        await resolve(parse_link(provider, link, {}, settings.kinds), settings)
    return str(refused.value)


# --- what refs mean ------------------------------------------------------------------------------


async def test_branches_tags_and_commits(git_server: GitServer, settings: SourceSettings) -> None:
    repository = git_server.repository("org/repo")
    first = repository.commit({"a": "1"})
    repository.tag("light", first)
    repository.tag("v1.0", first, is_annotated=True)
    second = repository.commit({"a": "2"})
    other = repository.commit({"a": "3"}, branch="feature/x")
    expected = {
        "HEAD": (second, "main"),
        "main": (second, "main"),
        "feature/x": (other, "feature/x"),
        "light": (first, "light"),
        "v1.0": (first, "v1.0"),
        "refs/heads/main": (second, "refs/heads/main"),
        first.upper(): (first, first.upper()),
        other[:10]: (other, other[:10]),
    }
    for ref, (commit, name) in expected.items():
        result = await resolve(parse_link("gh", f"org/repo/{ref}"), settings)
        assert (result.commit, result.ref) == (commit, name)
        assert (result.url, result.name) == (f"{git_server.url}/org/repo", "org/repo")


async def test_a_branch_counts_before_a_tag(
    git_server: GitServer, settings: SourceSettings
) -> None:
    repository = git_server.repository("org/repo")
    repository.tag("same", repository.commit({"a": "1"}))
    branch = repository.commit({"a": "2"}, branch="same")
    assert (await resolve(parse_link("gh", "org/repo/same"), settings)).commit == branch


async def test_a_name_is_not_taken_for_the_end_of_another(
    git_server: GitServer, settings: SourceSettings
) -> None:
    git_server.repository("org/repo").commit({"a": "1"}, branch="feature/main-x")
    assert "no branch or tag 'main-x'" in await refusal("org/repo/main-x", settings)


@pytest.mark.parametrize("provider", ["gl", "git", "gist"])
async def test_the_other_git_providers(
    git_server: GitServer, settings: SourceSettings, provider: str
) -> None:
    commit = git_server.repository("group/sub/project.git").commit({"a": "1"})
    git_server.repository("abc123.git").commit({"a": "1"})
    spec = {
        "gl": "group%2Fsub%2Fproject/HEAD",
        "git": f"{quote(git_server.url, safe='')}%2Fgroup%2Fsub%2Fproject.git/HEAD",
        "gist": "user/abc123",
    }[provider]
    assert (await resolve(parse_link(provider, spec), settings)).commit == commit


async def test_an_unknown_branch_names_those_there_are(
    git_server: GitServer, settings: SourceSettings
) -> None:
    repository = git_server.repository("org/repo")
    for branch in ("main", *(f"b{number:02}" for number in range(14))):
        repository.commit({"a": branch}, branch=branch)
    text = await refusal("org/repo/master", settings)
    # The default branch first.
    assert text.endswith(
        "no branch or tag 'master'. Branches are: main, b00, b01, b02, b03, b04, b05, b06, b07,"
        " b08, b09, b10, and 3 more."
    )


async def test_part_of_a_commit_that_is_not_there(
    git_server: GitServer, settings: SourceSettings
) -> None:
    git_server.repository("org/repo").commit({"a": "1"})
    assert "A commit is named by all of its digits." in await refusal("org/repo/abcdef0", settings)


async def test_an_empty_repository(git_server: GitServer, settings: SourceSettings) -> None:
    git_server.repository("org/repo")
    assert "is empty: it has no commits yet" in await refusal("org/repo/HEAD", settings)


# --- what is not there, or not allowed -----------------------------------------------------------


async def test_missing_and_private_get_the_same_message(
    git_server: GitServer, settings: SourceSettings
) -> None:
    git_server.repository("org/secret").commit({"a": "1"})
    git_server.private.add("org/secret")
    private = await refusal("org/secret/HEAD", settings)
    missing = await refusal("org/absent/HEAD", settings)
    assert private.replace("secret", "absent") == missing
    assert "no public repository at" in missing


async def test_redirects_within_the_host_are_followed(
    git_server: GitServer, settings: SourceSettings
) -> None:
    commit = git_server.repository("org/new").commit({"a": "1"})
    location = f"/org/new{REFS_QUERY}"
    git_server.answers[f"/org/old{REFS_QUERY}"] = Answer(301, headers={"Location": location})
    result = await resolve(parse_link("gh", "org/old/HEAD"), settings)
    assert (result.commit, result.url) == (commit, f"{git_server.url}/org/new")


REDIRECTS = {
    "a private address": ("https://192.168.7.7/a/b", "not on the public internet"),
    "the metadata service": ("https://169.254.169.254/a/b", "not on the public internet"),
    "http": ("http://127.0.0.1/a/b", "begins with https://"),
    "a file": ("file:///etc", "no host"),
    "a banned repository": ("{url}/evil/b", "administrator does not allow"),
    "a login": ("{url}/login?", "no public repository"),
    "itself": ("{url}/org/old", "redirects again and again"),
}


@pytest.mark.parametrize("target", REDIRECTS)
async def test_redirects_are_checked(
    git_server: GitServer, settings: SourceSettings, target: str
) -> None:
    pattern, message = REDIRECTS[target]
    location = pattern.format(url=git_server.url) + REFS_QUERY
    git_server.answers[f"/org/old{REFS_QUERY}"] = Answer(302, headers={"Location": location})
    banned = changed(settings, banned=[r"127\.0\.0\.1:\d+/EVIL/"])
    assert message in await refusal("org/old/HEAD", banned)


async def test_private_addresses_are_refused_before_anything_is_sent(
    git_server: GitServer, settings: SourceSettings
) -> None:
    git_server.repository("org/repo").commit({"a": "1"})
    assert "not on the public internet" in await refusal(
        "org/repo/HEAD", changed(settings, networks=[])
    )
    assert git_server.requests == []


async def test_a_name_leads_where_it_led_when_it_was_checked(
    git_server: GitServer, settings: SourceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """git must not look the name up again: the second answer may be another address."""
    commit = git_server.repository("org/repo").commit({"a": "1"})
    loop = asyncio.get_running_loop()

    async def look_up(host: str, port: int, **_: Any) -> list[Any]:
        assert host == "localhost.invalid"
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(loop, "getaddrinfo", look_up)
    provider = {
        "kind": "github",
        "name": "G",
        "url": f"https://localhost.invalid:{git_server.port}",
    }
    # A certificate for another name: the connection came through, to the address of the check.
    named = changed(settings, providers={"gh": provider})
    text = await refusal("org/repo/HEAD", named)
    assert "certificate of localhost.invalid can't be checked" in text
    assert commit


async def test_hosts_and_banned_repositories(
    git_server: GitServer, settings: SourceSettings
) -> None:
    git_server.repository("org/repo").commit({"a": "1"})
    elsewhere = changed(settings, hosts=["github.com", "gitlab.com"])
    text = await refusal("org/repo/HEAD", elsewhere)
    assert text == (
        "Repositories of 127.0.0.1 are not used here. Allowed are: github.com, gitlab.com."
    )
    banned = changed(settings, banned=[r"127\.0\.0\.1:\d+/ORG/re.*"])
    assert "administrator does not allow" in await refusal("org/repo/HEAD", banned)
    assert git_server.requests == []
    here = changed(settings, hosts=["127.0.0.1"], banned=["127.0.0.1/other"])
    assert (await resolve(parse_link("gh", "org/repo/HEAD"), here)).commit


ADDRESSES = {
    "http://git.example.org/a": "begins with https://",
    "ssh://git.example.org/a": "begins with https://",
    "file://localhost/etc": "begins with https://",
    "https://127.1/a": "not on the public internet",
    "https://0x7f.1/a": "not on the public internet",
    "https://[::1]/a": "not on the public internet",
    "https://[::ffff:10.0.0.1]/a": "not on the public internet",
}


@pytest.mark.parametrize("address", ADDRESSES)
async def test_addresses_that_are_never_asked(address: str) -> None:
    text = await refusal(f"{quote(address, safe='')}/HEAD", SourceSettings(), "git")
    assert ADDRESSES[address] in text


async def test_plain_http_where_the_administrator_allows_it(git_server: GitServer) -> None:
    """The protocol is allowed for this host alone."""
    host = f"127.0.0.1:{git_server.port}"
    settings = SourceSettings.model_validate({"plain_http": [host], "networks": ["127.0.0.0/8"]})
    link = parse_link("git", f"{quote(f'http://{host}/a', safe='')}/HEAD")
    # The server speaks TLS only: what counts is that it was asked without.
    with pytest.raises(SourceUnavailable, match=r"127\.0\.0\.1 does not answer"):
        await resolve(link, settings)
    assert "begins with https://" in await refusal(
        f"{quote(f'https://{host}/a', safe='')}/HEAD", settings, "git"
    )


# --- hosts that answer badly ---------------------------------------------------------------------

ANSWERS = {
    "a page": (Answer(200, b"<html>Hello</html>", {"Content-Type": "text/html"}), "is a page"),
    "a limit": (Answer(429, headers={"Retry-After": "90"}), "Try again in 2 min."),
    "a limit without a time": (Answer(429), "Try again later."),
    "an error": (Answer(503), "does not answer. Try again later."),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_bad_answers(git_server: GitServer, settings: SourceSettings, name: str) -> None:
    answer, message = ANSWERS[name]
    git_server.answers[f"/org/repo{REFS_QUERY}"] = answer
    with pytest.raises((SourceRefused, SourceUnavailable), match=message):
        await resolve(parse_link("gh", "org/repo/HEAD"), settings)


async def test_a_host_that_does_not_answer(
    git_server: GitServer, settings: SourceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "TIMEOUT", 0.3)
    released = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait() -> Answer:
        asyncio.run_coroutine_threadsafe(released.wait(), loop).result(30)
        return Answer(404)

    git_server.answers[f"/org/repo{REFS_QUERY}"] = wait
    try:
        with pytest.raises(SourceUnavailable, match="takes too long to answer"):
            await resolve(parse_link("gh", "org/repo/HEAD"), settings)
    finally:
        released.set()


async def test_a_host_that_is_not_known(settings: SourceSettings) -> None:
    provider = {"kind": "github", "name": "G", "url": "https://host.invalid"}
    with pytest.raises(SourceUnavailable, match=r"host\.invalid is not known"):
        await resolve(
            parse_link("gh", "org/repo/HEAD"), changed(settings, providers={"gh": provider})
        )


async def test_a_certificate_of_somebody_else(
    git_server: GitServer, settings: SourceSettings
) -> None:
    git_server.repository("org/repo").commit({"a": "1"})
    text = await refusal("org/repo/HEAD", changed(settings, ca_file=""))
    assert "certificate of 127.0.0.1 can't be checked" in text


# --- commands and answers ------------------------------------------------------------------------


def test_names_are_never_taken_for_options() -> None:
    assert build_ls_remote_arguments("https://a/b", ("HEAD", "x")) == [
        *("ls-remote", "--symref", "--", "https://a/b", "HEAD", "x")
    ]


def test_answers_of_ls_remote() -> None:
    text, two = "1" * 40, "2" * 64
    output = (
        f"ref: refs/heads/m\tHEAD\n{text}\tHEAD\n{text}\trefs/heads/m\n{two}\trefs/tags/t\nx\ty\n"
    )
    refs = parse_ls_remote("u", output.encode())
    assert refs.commits == {"HEAD": text, "refs/heads/m": text, "refs/tags/t": two}
    assert (refs.default_branch, refs.branches) == ("m", ["m"])
