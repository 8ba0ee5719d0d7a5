"""`rosetta-hub account`: the first administrator, and what to do when everybody is locked out."""

import asyncio
import io
from pathlib import Path

import pytest

from rosetta_hub.accounts import password_records
from rosetta_hub.accounts.command import account_text
from rosetta_hub.cli import build_parser, load_settings
from rosetta_hub.database.database import Database
from rosetta_hub.database.models_user import HubUser, UserState
from rosetta_hub.errors import Conflict, InvalidOptions

from .bench import OTHER, STRONG, make_bench

CONFIG = """
c.Rosetta.tasks_url = "http://127.0.0.1"
c.Rosetta.hub_url = "http://localhost:8000/base"
c.Rosetta.state_dir = {state!r}
c.Rosetta.computing = [{{"id": "here", "name": "Here", "container_engines": ["docker"]}}]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A hub's configuration, on the database of the test."""
    path = tmp_path / "jupyterhub_config.py"
    path.write_text(CONFIG.format(state=str(tmp_path)))
    return path


def run(config: Path, action: str, *arguments: str) -> str:
    """What the command prints."""
    options = build_parser().parse_args(["account", "--config", str(config), action, *arguments])
    return account_text(load_settings(Path(options.config)), options)


async def test_the_first_administrator_sets_a_password_by_a_link(
    config: Path, database: Database, tmp_path: Path
) -> None:
    arguments = ("Chief", "--admin", "--address", "chief@example.org")
    printed = await asyncio.to_thread(run, config, "create", *arguments)
    assert "http://localhost:8000/base/hub/password/new?token=" in printed
    token = printed.partition("token=")[2].split()[0]
    bench = make_bench(database, tmp_path)
    assert await bench.reset.set_password(token, STRONG, None) == "chief"
    with database.session() as session:
        account = password_records.find_password(session, "chief")
    assert account is not None
    assert account.make_admin
    assert (await bench.local.passwords.verify(account.hash, STRONG)).right


async def test_a_password_may_come_from_standard_input(
    config: Path,
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{STRONG}\n"))
    printed = await asyncio.to_thread(run, config, "create", "bob", "--password-stdin")
    assert printed == "The account bob is ready.\n"
    with database.session() as session:
        account = password_records.find_password(session, "bob")
    assert account is not None
    assert not account.make_admin
    bench = make_bench(database, tmp_path)
    assert (await bench.local.passwords.verify(account.hash, STRONG)).right


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("root",), "can't be used"),
        (("a b",), "letters and digits"),
        (("alice", "--address", "nowhere"), "not a mail address"),
        (("alice", "--password-stdin"), "at least 8"),
    ],
)
def test_what_can_not_be_an_account(
    config: Path,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    with pytest.raises(InvalidOptions, match=message):
        run(config, "create", *arguments)


def test_a_name_is_taken_once(config: Path, database: Database) -> None:
    run(config, "create", "alice")
    with pytest.raises(Conflict, match="taken"):
        run(config, "create", "alice")


async def test_a_locked_out_administrator_gets_in_again(
    config: Path, database: Database, tmp_path: Path
) -> None:
    with database.session() as session:
        session.add(HubUser(name="chief", created=None, state=UserState.BLOCKED))
    printed = await asyncio.to_thread(run, config, "reset", "chief")
    token = printed.partition("token=")[2].split()[0]
    bench = make_bench(database, tmp_path)
    await bench.reset.set_password(token, OTHER, None)
    with database.session() as session:
        row, account = (
            session.get(HubUser, "chief"),
            password_records.find_password(session, "chief"),
        )
    assert row is not None
    assert row.state is UserState.ACTIVE
    assert account is not None
