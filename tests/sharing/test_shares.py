"""Shares with users and groups: begun, told, ended, and what is left of them."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.database.models_sharing import TaskShare
from rosetta_hub.errors import Conflict, HubUnavailable, NotAllowed, NotFound
from rosetta_hub.sharing.view import share_id
from rosetta_hub.tasks.principal import Principal
from tests.support.starting import start_task

from .fakes import Office

# Names as users have them, and such as break what is careless.
NAMES = ["żółw", "张伟", "Владимир", "محمد", "o'hara", "a b", "%2e%2e", "x/y", "a" * 255, "😀"]


def principal_of(office: Office, name: str) -> Principal:
    """Somebody as a token shows them."""
    return Principal.from_model(office.hub.model(name))


async def names(office: Office, task: Task) -> list[str]:
    """With whom a task is shared."""
    return [share.name for share in await office.sharing.shares(task)]


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_in_any_script(office: Office, task: Task, name: str) -> None:
    office.hub.users.add(name)
    until = utc_now() + timedelta(hours=1)
    await office.sharing.share_with_user(task, name, "alice", until)
    assert await names(office, task) == [name]
    row = office.sharing.records.find(task, "user", name)
    assert row is not None
    assert (row.until, row.created_by, row.granted) == (until, "alice", True)
    await office.sharing.end(task, share_id("user", name))
    assert await names(office, task) == []
    assert office.sharing.records.of_task(task) == {}


async def test_somebody_who_does_not_exist(office: Office, task: Task) -> None:
    with pytest.raises(NotFound, match=r"no user named 'Bob'.*small or capital\."):
        await office.sharing.share_with_user(task, "Bob", "alice")
    with pytest.raises(Conflict, match="owner of this task"):
        await office.sharing.share_with_user(task, "alice", "root")
    assert office.sharing.records.of_task(task) == {}


async def test_a_group_is_one_of_the_callers(office: Office, task: Task) -> None:
    office.hub.groups = {"team": ["alice"], "others": ["bob"]}
    alice = principal_of(office, "alice")
    await office.sharing.share_with_group(task, "team", alice)
    with pytest.raises(NotAllowed, match="groups that you are in"):
        await office.sharing.share_with_group(task, "others", alice)
    assert await names(office, task) == ["team"]
    assert await office.sharing.groups_for(alice) == ["team"]


async def test_only_those_lose_their_sessions_who_may_not_enter(office: Office, task: Task) -> None:
    """Bob is a member of the group, too; carol had nothing but the share."""
    office.hub.groups = {"team": ["bob"]}
    for name in ("bob", "carol"):
        await office.sharing.share_with_user(task, name, "alice")
    await office.sharing.share_with_group(
        task, "team", Principal("root", frozenset(), True, frozenset())
    )
    for name in ("alice", "bob", "carol"):
        office.sessions.start(task, name, name)
    for name in ("bob", "carol"):
        await office.sharing.end(task, share_id("user", name))
    assert office.edge.ended == ["carol"]
    await office.sharing.end(task, share_id("group", "team"))
    assert office.edge.ended == ["carol", "bob"]
    assert [row.user for row in office.sessions.rows(task)] == ["alice"]


async def test_nobody_stays_whom_the_hub_does_not_vouch_for(office: Office, task: Task) -> None:
    """A hub that ends the share and then fails lets no guest stay."""
    await office.sharing.share_with_user(task, "bob", "alice")
    office.sessions.start(task, "bob", "bob")

    async def fail(*_: object, **__: object) -> None:
        raise HubUnavailable("no answer")

    office.hub.user_for_token = fail  # type: ignore[method-assign]
    await office.sharing.end(task, share_id("user", "bob"))
    assert office.edge.ended == ["bob"]


async def test_all_at_once(office: Office, task: Task) -> None:
    office.hub.groups = {"team": ["alice", "carol"]}
    await office.sharing.share_with_user(task, "bob", "alice")
    await office.sharing.share_with_group(task, "team", principal_of(office, "alice"))
    for name in ("alice", "bob", "carol"):
        office.sessions.start(task, name, name)
    await office.sharing.end_all(task)
    assert sorted(office.edge.ended) == ["bob", "carol"]
    assert await names(office, task) == []


async def test_the_time_of_a_share(office: Office, task: Task) -> None:
    await office.sharing.share_with_user(task, "bob", "alice", utc_now() + timedelta(hours=1))
    office.sessions.start(task, "bob", "bob")
    await office.sharing.step()
    assert await names(office, task) == ["bob"]
    expire(office, "bob")
    await office.sharing.step()
    assert (await names(office, task), office.edge.ended) == ([], ["bob"])


async def test_a_share_is_prolonged(office: Office, task: Task) -> None:
    await office.sharing.share_with_user(task, "bob", "alice", utc_now() + timedelta(hours=1))
    expire(office, "bob")
    await office.sharing.share_with_user(task, "bob", "alice")
    await office.sharing.step()
    assert await names(office, task) == ["bob"]


def expire(office: Office, name: str) -> None:
    """Let the time of somebody's share be over."""
    past = utc_now() - timedelta(seconds=1)
    with office.tasks.database.session() as session:
        session.execute(update(TaskShare).where(TaskShare.name == name).values(until=past))


async def test_a_lost_answer_leaves_no_share_without_end(office: Office, task: Task) -> None:
    office.hub.lose_answer = True
    with pytest.raises(HubUnavailable):
        await office.sharing.share_with_user(task, "bob", "alice", utc_now() + timedelta(hours=1))
    assert await names(office, task) == ["bob"]
    expire(office, "bob")
    await office.sharing.step()
    assert await names(office, task) == []


async def test_a_refusal_leaves_what_there_was(office: Office, task: Task) -> None:
    until = utc_now() + timedelta(hours=1)
    await office.sharing.share_with_user(task, "bob", "alice", until)
    office.hub.refuse = Conflict("No such server")
    for name in ("bob", "carol"):
        with pytest.raises(Conflict, match="The hub does not share this task"):
            await office.sharing.share_with_user(task, name, "alice")
    rows = office.sharing.records.of_task(task)
    assert {key: row.until for key, row in rows.items()} == {("user", "bob"): until}


async def test_what_outlives_its_task_ends(office: Office, task: Task) -> None:
    """The hub never removes a default server: its shares would count for the next task of it."""
    await office.sharing.share_with_user(task, "bob", "alice")
    await office.sharing.share_with_user(task, "carol", "alice")
    office.tasks.stopped(task)
    office.tasks.delete(task)
    newer = start_task(office.tasks, "one", {"software": "echo"}, User("alice"))
    await office.sharing.share_with_user(newer, "carol", "alice")
    await office.sharing.step()
    assert await names(office, newer) == ["carol"]
    assert list(office.sharing.records.of_task(newer)) == [("user", "carol")]


async def test_what_was_ended_with_the_hubs_own_means_is_forgotten(
    office: Office, task: Task
) -> None:
    await office.sharing.share_with_user(task, "bob", "alice", utc_now() + timedelta(hours=1))
    office.hub.shares.clear()
    assert await names(office, task) == []
    assert office.sharing.records.of_task(task) == {}


async def test_a_user_made_anew_inherits_nothing(office: Office, task: Task) -> None:
    await office.sharing.share_with_user(task, "bob", "alice", utc_now() + timedelta(hours=1))
    office.sharing.delete_user("bob")
    assert office.sharing.records.of_task(task) == {}
    office.sharing.delete_user("alice")


async def test_a_thousand_shares_are_few_calls(office: Office, task: Task) -> None:
    office.hub.shares = {("alice", "one", "user", f"user{number}") for number in range(1000)}
    office.hub.calls.clear()
    assert len(await office.sharing.shares(task)) == 1000
    assert office.hub.calls == ["shares_of_server"]
