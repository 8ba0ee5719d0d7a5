"""Checkouts of repositories from a real git server, hostile ones included."""

import asyncio
import os
import zlib
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.builds import checkout as checkout_module
from rosetta_hub.builds import git_client
from rosetta_hub.builds.checkout import Checkout, build_fetch_arguments, check_out
from rosetta_hub.builds.checkout_tree import parse_modules, parse_tree
from rosetta_hub.builds.errors import CheckoutRefused, SourceRefused
from rosetta_hub.builds.links import parse_link
from rosetta_hub.builds.source import RepositorySource, resolve
from rosetta_hub.builds.source_settings import SourceSettings
from tests.support.git_server import Answer, GitServer, Link, Repository, Submodule, git

REFS_QUERY = "/info/refs?service=git-upload-pack"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    return folder


def changed(settings: SourceSettings, **values: Any) -> SourceSettings:
    return SourceSettings.model_validate({**settings.model_dump(), **values})


def source_of(repository: Repository, commit: str, ref: str = "main") -> RepositorySource:
    return RepositorySource("gh", repository.url, commit, ref, "org/repo")


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


async def refusal(source: RepositorySource, folder: Path, settings: SourceSettings) -> str:
    with pytest.raises((CheckoutRefused, SourceRefused)) as refused:
        await check_out(source, folder, settings)
    return str(refused.value)


# --- what is fetched -----------------------------------------------------------------------------


async def test_a_commit_that_is_no_branch_any_more(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    repository = git_server.repository("org/repo")
    old = repository.commit({"a.txt": "old", "bin/run": "#!/bin/sh\n", "sub/b.txt": "b"})
    repository.commit({"a.txt": "new"})
    result = await check_out(source_of(repository, old), folder, settings)
    assert result == Checkout(folder)
    assert contents(folder) == {"a.txt": "old", "bin/run": "#!/bin/sh\n", "sub/b.txt": "b"}
    assert os.access(folder / "bin/run", os.X_OK)
    assert not (folder / ".git").exists()


async def test_times_are_those_of_the_commit(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    """So that builders find the layers of the same files again."""
    repository = git_server.repository("org/repo")
    commit = repository.commit({"sub/a.txt": "a", "link": Link("sub/a.txt")})
    await check_out(source_of(repository, commit), folder, settings)
    times = {path.lstat().st_mtime for path in (folder, *folder.rglob("*"))}
    assert times == {1767225600}


async def test_what_a_link_means(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    git_server.repository("org/repo").commit({"a": "1"}, branch="topic")
    source = await resolve(parse_link("gh", "org/repo/topic"), settings)
    await check_out(source, folder, settings)
    assert contents(folder) == {"a": "1"}


async def test_the_files_belong_to_an_account_without_rights(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    repository = git_server.repository("org/repo")
    commit = repository.commit({"a": "1"})
    await check_out(source_of(repository, commit), folder, settings)
    owner = (folder / "a").stat().st_uid
    assert owner == (65534 if os.geteuid() == 0 else os.geteuid())


# --- forced pushes -------------------------------------------------------------------------------


async def test_a_commit_that_was_replaced_and_removed(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    repository = git_server.repository("org/repo")
    old = repository.commit({"a": "old"})
    repository.commit({"a": "new"}, parents=False)
    git(repository.folder, "reflog", "expire", "--expire=now", "--all")
    git(repository.folder, "gc", "--quiet", "--prune=now")
    text = await refusal(source_of(repository, old), folder, settings)
    assert text == "main has changed since it was looked up. Try again."
    assert contents(folder / "a") == {}


async def test_a_commit_that_never_was(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    repository = git_server.repository("org/repo")
    repository.commit({"a": "1"})
    text = await refusal(source_of(repository, "1" * 40, ref="1" * 40), folder, settings)
    assert "does not have this commit" in text


async def test_the_name_of_something_else_than_a_commit(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    repository = git_server.repository("org/repo")
    commit = repository.commit({"a": "1"})
    tree = git(repository.folder, "rev-parse", f"{commit}^{{tree}}")
    assert await refusal(source_of(repository, tree, ref=tree), folder, settings)


async def test_hosts_that_give_branches_only(
    git_server: GitServer,
    settings: SourceSettings,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As those that know the first version of git's protocol."""
    repository = git_server.repository("org/repo")
    commit = repository.commit({"a": "1"})
    options = tuple(
        option.replace("protocol.version=2", "protocol.version=0") for option in git_client._OPTIONS
    )
    monkeypatch.setattr(git_client, "_OPTIONS", options)
    git(repository.folder, "config", "uploadpack.allowAnySHA1InWant", "false")
    await check_out(source_of(repository, commit), folder, settings)
    assert contents(folder) == {"a": "1"}
    other = folder.parent / "other"
    other.mkdir()
    repository.commit({"a": "2"})
    assert "has changed since" in await refusal(source_of(repository, commit), other, settings)


# --- links ---------------------------------------------------------------------------------------


async def test_links_that_lead_out_are_left_out(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    repository = git_server.repository("org/repo")
    files: dict[str, str | bytes | Link | Submodule] = {
        "a.txt": "a",
        "inside": Link("sub/../a.txt"),
        "sub/up": Link("../a.txt"),
        "absolute": Link("/etc/passwd"),
        "relative": Link("../../../../etc/passwd"),
        "sub/chain": Link("../absolute"),
        "requirements.txt": Link("/etc/shadow"),
        "proc": Link("/proc/self/environ"),
        "loop": Link("loop"),
    }
    result = await check_out(source_of(repository, repository.commit(files)), folder, settings)
    values = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink()}
    assert values == {"inside", "sub/up", "loop"}
    assert result.notes == (
        "Links that lead out of the repository are left out: absolute, proc, relative,"
        " requirements.txt, sub/chain.",
    )


async def test_a_file_below_a_link_is_never_written(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    """A tree with two entries of one name: a link, and a directory that would be behind it."""
    repository = git_server.repository("org/repo")
    commit = commit_of_raw_tree(
        repository,
        [
            ("120000", "a", blob(repository, str(folder.parent).encode())),
            ("40000", "a", tree(repository, [("100644", "pwned", blob(repository, b"x"))])),
        ],
    )
    assert await refusal(source_of(repository, commit), folder, settings)
    assert not (folder.parent / "pwned").exists()


@pytest.mark.parametrize("name", [".git", ".GIT", "git~1", "..", ".g\u200cit"])
async def test_names_that_would_be_gits_own(
    git_server: GitServer, settings: SourceSettings, folder: Path, name: str
) -> None:
    repository = git_server.repository("org/repo")
    hook = tree(repository, [("100755", "post-checkout", blob(repository, b"#!/bin/sh\n"))])
    commit = commit_of_raw_tree(repository, [("40000", name, hook)])
    assert await refusal(source_of(repository, commit), folder, settings)


# --- hooks, filters, LFS -------------------------------------------------------------------------


async def test_nothing_of_the_repository_is_run(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    marker = folder.parent / "ran"
    repository = git_server.repository("org/repo")
    files = {
        ".gitattributes": "* filter=evil diff=evil merge=evil\n",
        ".gitconfig": f'[filter "evil"]\n smudge = touch {marker}\n',
        ".lfsconfig": f"[lfs]\n url = file://{marker}\n",
        "hooks/post-checkout": f"#!/bin/sh\ntouch {marker}\n",
        ".githooks/post-checkout": f"#!/bin/sh\ntouch {marker}\n",
        "a": "1",
    }
    folder.parent.chmod(0o777)
    await check_out(source_of(repository, repository.commit(files)), folder, settings)
    assert contents(folder) == files
    assert not marker.exists()


async def test_large_files_of_lfs_are_told(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    repository = git_server.repository("org/repo")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9\n"
    files = {f"data/{number}.bin": pointer for number in range(7)}
    files[".gitattributes"] = "*.bin filter=lfs diff=lfs merge=lfs -text\n"
    result = await check_out(source_of(repository, repository.commit(files)), folder, settings)
    (note,) = result.notes
    assert note.startswith(
        "Files in Git LFS are not fetched, only what stands for them: data/0.bin, data/1.bin,"
        " data/2.bin, data/3.bin, data/4.bin and 2 more."
    )


# --- sizes and times -----------------------------------------------------------------------------


async def test_too_many_files(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    repository = git_server.repository("org/repo")
    files = {f"{number}": "" for number in range(12)}
    source = source_of(repository, repository.commit(files))
    text = await refusal(source, folder, changed(settings, clone_files=11))
    assert text == "The repository has more than 11 files and directories, which is the limit."


async def test_a_tree_of_trees_without_end(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    """A few hundred bytes that are ten thousand million files."""
    repository = git_server.repository("org/repo")
    name = tree(repository, [("100644", f"f{n}", blob(repository, b"")) for n in range(10)])
    for _ in range(9):
        name = tree(repository, [("40000", f"d{n}", name) for n in range(10)])
    source = source_of(repository, repository.commit_tree(name))
    assert "too many files" in await refusal(source, folder, settings)


async def test_a_repository_that_grows_when_it_is_written(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    """One blob under many names: little is sent, and much is written."""
    repository = git_server.repository("org/repo")
    files: dict[str, bytes] = {f"{number}": bytes(4 << 20) for number in range(20)}
    source = source_of(repository, repository.commit(files))
    text = await refusal(source, folder, changed(settings, clone_size="64M"))
    assert text.startswith("The repository takes more than 64 MB, which is the limit.")
    assert sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) == 0


async def test_a_repository_that_is_too_large_while_it_comes(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    repository = git_server.repository("org/repo")
    source = source_of(repository, repository.commit({"a": os.urandom(3 << 20)}))
    text = await refusal(source, folder, changed(settings, clone_size="1M"))
    assert "larger than what may be fetched" in text or "more than 1 MB" in text


async def test_a_host_that_sends_nothing_more(
    git_server: GitServer,
    settings: SourceSettings,
    folder: Path,
) -> None:
    repository = git_server.repository("org/repo")
    source = source_of(repository, repository.commit({"a": "1"}))
    released = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait() -> Answer:
        asyncio.run_coroutine_threadsafe(released.wait(), loop).result(30)
        return Answer(404)

    git_server.answers["/org/repo/git-upload-pack"] = wait
    try:
        text = await refusal(source, folder, changed(settings, clone_time=1))
    finally:
        released.set()
    assert text == "It takes more than 1 s to fetch the repository."


async def test_cancelling_ends_git(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    repository = git_server.repository("org/repo")
    source = source_of(repository, repository.commit({"a": "1"}))
    released, event = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait() -> Answer:
        loop.call_soon_threadsafe(event.set)
        asyncio.run_coroutine_threadsafe(released.wait(), loop).result(30)
        return Answer(404)

    git_server.answers["/org/repo/git-upload-pack"] = wait
    try:
        running = asyncio.create_task(check_out(source, folder, settings))
        await event.wait()
        assert processes_in(folder)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert processes_in(folder) == []
    finally:
        released.set()


def processes_in(folder: Path) -> list[str]:
    """The processes whose working directory is this one; those that have ended have none."""
    values = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if os.readlink(entry / "cwd") == str(folder):
                    values.append(entry.name)
            except OSError:
                continue
    return values


# --- submodules ----------------------------------------------------------------------------------


async def test_submodules_are_fetched(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    inner = git_server.repository("org/inner")
    middle = git_server.repository("org/middle")
    outer = git_server.repository("org/repo")
    old = inner.commit({"i": "old"})
    inner.commit({"i": "new"})
    second = middle.commit({"m": "1", "deep/inner": Submodule("../inner", old)})
    commit = outer.commit(
        {"lib/middle": Submodule(middle.url, second), "none": Submodule("", "2" * 40), "a": "1"}
    )
    result = await check_out(source_of(outer, commit), folder, settings)
    by_name = {name: text for name, text in contents(folder).items() if ".gitmodules" not in name}
    assert by_name == {"a": "1", "lib/middle/m": "1", "lib/middle/deep/inner/i": "old"}
    assert list(folder.rglob(".git")) == []
    assert result.notes == ("The submodule none has no address: it is left out.",)


SUBMODULES = {
    "ssh": ("ssh://host/a", "begins with https://"),
    "scp": ("git@host:a/b", "no host"),
    "a file": ("file:///etc", "no host"),
    "a path": ("/etc", "no host"),
    "an extension": ("ext::sh -c id", "no host"),
    "an option": ("--upload-pack=touch /tmp/x", "git refuses"),
    "a private address": ("https://10.0.0.1/a/b", "not on the public internet"),
    "a password": ("https://user:secret@127.0.0.1/a", "without user name"),
    "what is not there": ("../absent", "no public repository"),
}


@pytest.mark.parametrize("name", SUBMODULES)
async def test_submodules_of_other_kinds_are_refused(
    git_server: GitServer, settings: SourceSettings, folder: Path, name: str
) -> None:
    url, message = SUBMODULES[name]
    repository = git_server.repository("org/repo")
    commit = repository.commit({"sub": Submodule(url, "1" * 40)})
    text = await refusal(source_of(repository, commit), folder, settings)
    assert message in text
    assert "secret" not in text


async def test_submodules_of_themselves(
    git_server: GitServer,
    settings: SourceSettings,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every commit has the one before it as a submodule."""
    repository = git_server.repository("org/repo")
    commit = repository.commit({"a": "1"})
    monkeypatch.setattr(checkout_module, "DEEPEST", 2)
    for _ in range(3):
        commit = repository.commit({"sub": Submodule("../repo", commit)})
    text = await refusal(source_of(repository, commit), folder, settings)
    assert text.endswith("too many submodules in each other.")
    monkeypatch.setattr(checkout_module, "DEEPEST", 4)
    monkeypatch.setattr(checkout_module, "MOST_SUBMODULES", 1)
    second = folder.parent / "second"
    second.mkdir()
    assert "too many" in await refusal(source_of(repository, commit), second, settings)
    assert not (second / "sub/sub/sub").exists()


async def test_submodules_count_as_part_of_the_repository(
    git_server: GitServer, settings: SourceSettings, folder: Path
) -> None:
    inner = git_server.repository("org/inner")
    commit = inner.commit({"a": os.urandom(600 << 10)})
    outer = git_server.repository("org/repo")
    files = {f"s{number}": Submodule("../inner", commit) for number in range(4)}
    source = source_of(outer, outer.commit(files))
    text = await refusal(source, folder, changed(settings, clone_size="2M"))
    assert "larger than what may be fetched" in text or "more than 2 MB" in text


# --- commands and answers ------------------------------------------------------------------------


def test_the_command_that_fetches() -> None:
    assert build_fetch_arguments("https://a/b", "1" * 40) == [
        *("fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules"),
        *("--", "https://a/b", "1" * 40),
    ]


def test_lists_of_git() -> None:
    output = b"100644 blob aa      12\tx\ty\n\x00160000 commit bb       -\tsub\xff\0"
    assert [(entry.path, entry.size, entry.is_submodule) for entry in parse_tree(output)] == [
        ("x\ty\n", 12, False),
        ("sub\udcff", 0, True),
    ]
    modules = b"submodule.a.b.path\nlib/x\0submodule.a.b.url\nhttps://h/x\0core.x\ny\0"
    assert parse_modules(modules)["lib/x"].url == "https://h/x"


# --- objects that git itself would not make ------------------------------------------------------


def blob(repository: Repository, data: bytes) -> str:
    return git(repository.folder, "hash-object", "-w", "--stdin", data=data)


def tree(repository: Repository, entries: list[tuple[str, str, str]]) -> str:
    body = b"".join(
        f"{mode} {name}".encode() + b"\0" + bytes.fromhex(digest) for mode, name, digest in entries
    )
    data = f"tree {len(body)}".encode() + b"\0" + body
    name = sha1(data, usedforsecurity=False).hexdigest()
    path = repository.folder / "objects" / name[:2] / name[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zlib.compress(data))
    return name


def commit_of_raw_tree(repository: Repository, entries: list[tuple[str, str, str]]) -> str:
    return repository.commit_tree(tree(repository, entries))
