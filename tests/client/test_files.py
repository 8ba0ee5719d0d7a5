"""`rosetta files`: up, down, and what happens when connections break."""

import asyncio
import json
import os
import pty
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from rosetta_client import AsyncClient
from rosetta_client.config import Endpoint
from rosetta_client.errors import ApiError, NotFound
from rosetta_client.files import encode_path
from tests.rights.conftest import Site

from .conftest import TIMEOUT, Run
from .network import Relay

# The files program works on real directories.
pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.system]

BIG = bytes(range(256)) * (80 << 10)


@pytest_asyncio.fixture(loop_scope="session")
async def relay(site: Site) -> AsyncIterator[Relay]:
    """Something between client and hub."""
    async with Relay(site.port).serve() as relay:
        yield relay


async def test_up_and_down(rosetta: Run, tmp_path: Path, home: Path) -> None:
    name = "naïve #1 100%.txt"
    (tmp_path / name).write_bytes(b"hello")
    assert (await rosetta("files", "put", str(tmp_path / name), "home:")).code == 0
    assert (home / name).read_bytes() == b"hello"
    listed = await rosetta("files", "ls", "home:", "--json", "--fields", "name,type,size")
    assert {"name": name, "type": "file", "size": 5} in json.loads(listed.out)
    result = await rosetta("files", "get", f"home:{name}", str(tmp_path / "back.txt"))
    assert result.code == 0, result.err
    assert (tmp_path / "back.txt").read_bytes() == b"hello"
    value = await rosetta("files", "put", str(tmp_path / name), "home:")
    advice = "Add --conflict overwrite, or --conflict rename."
    assert (value.code, value.err) == (1, f"rosetta: home:{name} exists already. {advice}\n")
    (tmp_path / name).write_bytes(b"changed")
    put = ("files", "put", str(tmp_path / name), "home:", "--conflict", "overwrite")
    assert (await rosetta(*put)).code == 0
    assert (home / name).read_bytes() == b"changed"


async def test_folders(rosetta: Run, tmp_path: Path, home: Path) -> None:
    (tmp_path / "tree" / "inner").mkdir(parents=True)
    (tmp_path / "tree" / "a").write_text("a")
    (tmp_path / "tree" / "inner" / "b").write_text("b")
    refused = await rosetta("files", "put", str(tmp_path / "tree"), "home:")
    assert (refused.code, "add --recursive" in refused.err) == (1, True)
    result = await rosetta("files", "put", "-r", str(tmp_path / "tree"), "home:")
    assert result.code == 0, result.err
    assert (home / "tree" / "inner" / "b").read_text() == "b"
    (home / "tree" / "out").symlink_to("/etc/passwd")
    result = await rosetta("files", "get", "-r", "home:tree", str(tmp_path / "copy"))
    assert result.code == 0, result.err
    files = {str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy").rglob("*")}
    assert files == {"a", "inner", "inner/b"}


async def test_storages_and_places_that_are_not_there(rosetta: Run, tmp_path: Path) -> None:
    table = await rosetta("files", "ls")
    assert [line.split()[0] for line in table.out.splitlines()] == ["STORAGE", "data", "home"]
    missing = await rosetta("files", "get", "home:nothing", str(tmp_path))
    assert missing.code == 3
    assert list(tmp_path.iterdir()) == []
    assert (await rosetta("files", "ls", "nowhere:")).code == 3
    wrong = await rosetta("files", "get", "no-colon", str(tmp_path))
    assert (wrong.code, "is not STORAGE:PATH" in wrong.err) == (2, True)


async def test_an_upload_goes_on_after_a_cut(
    rosetta: Run, relay: Relay, tmp_path: Path, home: Path
) -> None:
    (tmp_path / "cut").write_bytes(BIG)
    # The second piece is cut in its middle, and the connection after it at once.
    relay.cuts = [12 << 20, 100]
    hub = f"http://127.0.0.1:{relay.port}"
    result = await rosetta("files", "put", str(tmp_path / "cut"), "home:cut", ROSETTA_HUB=hub)
    assert result.code == 0, result.err
    assert (home / "cut").read_bytes() == BIG
    assert relay.connections >= 3


async def test_a_proxy_that_takes_small_requests_only(
    rosetta: Run, relay: Relay, tmp_path: Path, home: Path
) -> None:
    """As nginx with client_max_body_size 1m, its default."""
    (tmp_path / "small").write_bytes(BIG[: 5 << 20])
    relay.largest = 1 << 20
    hub = f"http://127.0.0.1:{relay.port}"
    result = await rosetta("files", "put", str(tmp_path / "small"), "home:small", ROSETTA_HUB=hub)
    assert result.code == 0, result.err
    assert relay.refused == 2
    assert (home / "small").read_bytes() == BIG[: 5 << 20]


async def test_files_with_a_client_whose_methods_are_awaited(
    relay: Relay, tmp_path: Path, home: Path
) -> None:
    (tmp_path / "big").write_bytes(BIG)
    moved = list[int]()
    # The upload is cut in its second piece, and the connection after it at once.
    relay.cuts = [12 << 20, 100]
    async with AsyncClient(Endpoint(f"http://127.0.0.1:{relay.port}/", "alice")) as client:
        await client.upload_file(tmp_path / "big", "home", "sent", moved.append)
        assert (home / "sent").read_bytes() == BIG
        assert (sum(moved), relay.connections >= 3) == (len(BIG), True)
        await client.download_file("home", "sent", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == BIG
        with pytest.raises(ApiError, match="There is an entry of this name already"):
            await client.upload_file(tmp_path / "big", "home", "sent")
        with pytest.raises(NotFound):
            await client.download_file("home", "nothing", tmp_path / "none")
    assert not (tmp_path / "none").exists()


async def test_folders_are_made_and_entries_moved(rosetta: Run, home: Path) -> None:
    assert (await rosetta("files", "mkdir", "home:a/b c/100%", "home:a")).code == 0
    assert (home / "a" / "b c" / "100%").is_dir()
    (home / "one").write_text("1")
    (home / "two").write_text("2")
    result = await rosetta("files", "mv", "home:one", "home:two", "home:a/b c")
    assert (result.code, result.out, result.err) == (0, "", "")
    assert (home / "a" / "b c" / "two").read_text() == "2"
    # A path that is no folder is the new name.
    assert (await rosetta("files", "mv", "home:a/b c/one", "home:ö ne")).code == 0
    assert (home / "ö ne").read_text() == "1"
    value = await rosetta("files", "mv", "home:ö ne", "home:a/b c/two")
    advice = "Add --overwrite to replace a file."
    assert (value.code, value.err) == (1, f"rosetta: home:a/b c/two exists already. {advice}\n")
    overwritten = await rosetta("files", "mv", "--overwrite", "home:ö ne", "home:a/b c/two")
    assert overwritten.code == 0, overwritten.err
    assert (home / "a" / "b c" / "two").read_text() == "1"
    several = await rosetta("files", "mv", "home:a", "home:a/b c/two", "home:none")
    assert (several.code, "Make it with 'rosetta files mkdir'" in several.err) == (1, True)
    elsewhere = await rosetta("files", "mv", "home:a", "data:")
    assert (elsewhere.code, "'rosetta files cp'" in elsewhere.err) == (2, True)


async def test_entries_are_removed(rosetta: Run, home: Path) -> None:
    for name in ("kept", "gone", "tree/inner/leaf"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(name)
    (home / "link").symlink_to("tree")
    refused = await rosetta("files", "rm", "home:gone", "home:tree")
    assert (refused.code, refused.err) == (1, "rosetta: home:tree is a folder; add --recursive.\n")
    assert (home / "tree" / "inner" / "leaf").exists()
    # What is a link is removed, and not what it leads to.
    assert (await rosetta("files", "rm", "home:link")).code == 0
    assert {path.name for path in home.iterdir() if path.name in ("link", "tree")} == {"tree"}
    assert (await rosetta("files", "rm", "home:link")).code == 3
    result = await rosetta("files", "rm", "-r", "home:tree")
    assert (result.code, result.out, result.err) == (0, "", "")
    assert ((home / "tree").exists(), (home / "kept").exists()) == (False, True)
    all_of_it = await rosetta("files", "rm", "-r", "-y", "home:")
    assert (all_of_it.code, "can't be renamed, changed or removed" in all_of_it.err) == (1, True)
    assert (home / "kept").exists()


@pytest.mark.parametrize(("answer", "code"), [("n\n", 130), ("y\n", 0)])
async def test_a_terminal_is_asked_before_a_folder_is_removed(
    environment: dict[str, str], home: Path, answer: str, code: int
) -> None:
    (home / "tree" / "inner").mkdir(parents=True, exist_ok=True)
    (home / "tree" / "leaf").write_text("leaf")
    primary, secondary = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rosetta_client", "files", "rm", "-r", "home:tree"),
        env=environment,
        stdin=secondary,
        stderr=asyncio.subprocess.PIPE,
    )
    os.write(primary, answer.encode())
    async with asyncio.timeout(TIMEOUT):
        _, err = await process.communicate()
    os.close(primary)
    os.close(secondary)
    assert err.decode().startswith("Remove home:tree with 1 file and 1 folder (4B)? [y/N]:")
    assert (process.returncode, (home / "tree").exists()) == (code, code != 0)


async def test_the_client_takes_paths_as_the_hub_tells_them(site: Site, home: Path) -> None:
    async with AsyncClient(Endpoint(f"http://127.0.0.1:{site.port}/", "alice")) as client:
        await client.make_folder("home", encode_path("told/100% sure"))
        assert (home / "told" / "100% sure").is_dir()
        folder = await client.list_folder("home", "told")
        (entry,) = folder.entries
        assert (await client.get_entry("home", entry.path)).name == "100% sure"
        repository = await client.look_up_link("gh", "octo/hello/main")
        assert (repository.repository, repository.spec) == ("octo/hello", "octo/hello/main")
