"""`rosetta files`: up, down, and what happens when connections break."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from rosetta_client import AsyncClient
from rosetta_client.config import Endpoint
from rosetta_client.errors import ApiError, NotFound
from tests.rights.conftest import Site

from .conftest import Run
from .network import Relay

# The files program works on real directories.
pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.system]

BIG = bytes(range(256)) * (80 << 10)


@pytest_asyncio.fixture(loop_scope="session")
async def relay(site: Site) -> AsyncIterator[Relay]:
    """Something between client and hub."""
    async with Relay(site.port).serve() as made:
        yield made


async def test_up_and_down(rosetta: Run, tmp_path: Path, home: Path) -> None:
    name = "naïve #1 100%.txt"
    (tmp_path / name).write_bytes(b"hello")
    assert (await rosetta("files", "put", str(tmp_path / name), "home:")).code == 0
    assert (home / name).read_bytes() == b"hello"
    listed = await rosetta("files", "ls", "home:", "--json", "--fields", "name,type,size")
    assert {"name": name, "type": "file", "size": 5} in json.loads(listed.out)
    got = await rosetta("files", "get", f"home:{name}", str(tmp_path / "back.txt"))
    assert got.code == 0, got.err
    assert (tmp_path / "back.txt").read_bytes() == b"hello"
    taken = await rosetta("files", "put", str(tmp_path / name), "home:")
    assert (taken.code, taken.err) == (1, "rosetta: There is an entry of this name already.\n")
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
    done = await rosetta("files", "put", "-r", str(tmp_path / "tree"), "home:")
    assert done.code == 0, done.err
    assert (home / "tree" / "inner" / "b").read_text() == "b"
    (home / "tree" / "out").symlink_to("/etc/passwd")
    done = await rosetta("files", "get", "-r", "home:tree", str(tmp_path / "copy"))
    assert done.code == 0, done.err
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
    done = await rosetta("files", "put", str(tmp_path / "cut"), "home:cut", ROSETTA_HUB=hub)
    assert done.code == 0, done.err
    assert (home / "cut").read_bytes() == BIG
    assert relay.connections >= 3


async def test_a_proxy_that_takes_small_requests_only(
    rosetta: Run, relay: Relay, tmp_path: Path, home: Path
) -> None:
    """As nginx with client_max_body_size 1m, its default."""
    (tmp_path / "small").write_bytes(BIG[: 5 << 20])
    relay.largest = 1 << 20
    hub = f"http://127.0.0.1:{relay.port}"
    done = await rosetta("files", "put", str(tmp_path / "small"), "home:small", ROSETTA_HUB=hub)
    assert done.code == 0, done.err
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
